// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
package millrace.peers;

import com.rabbitmq.stream.Consumer;
import com.rabbitmq.stream.Environment;
import com.rabbitmq.stream.OffsetSpecification;
import com.rabbitmq.stream.Producer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/** The client of RabbitMQ's streams with its default settings. */
final class RabbitPeer implements Peer {
    private static final String STREAM = "job";
    private static final long SILENCE_SECONDS = 10;

    private final Environment environment;
    private Producer producer;

    RabbitPeer(String address) {
        environment = Environment.builder().uri("rabbitmq-stream://guest:guest@" + address)
                .build();
    }

    @Override
    public void create() {
        environment.streamCreator().stream(STREAM).create();
        producer = environment.producerBuilder().stream(STREAM).build();
    }

    @Override
    public void send(byte[] message, Done done) {
        producer.send(producer.messageBuilder().addData(message).build(), status -> done.run(
                status.isConfirmed() ? null : new IllegalStateException("refused with code "
                        + status.getCode())));
    }

    @Override
    public void read(Reader reader) throws Exception {
        var done = new CompletableFuture<Void>();
        var seen = new AtomicLong();
        try (Consumer consumer = environment.consumerBuilder().stream(STREAM)
                .offset(OffsetSpecification.first()).messageHandler((context, message) -> {
                    if (done.isDone()) return;
                    try {
                        seen.incrementAndGet();
                        if (!reader.take(message.getBodyAsBinary())) done.complete(null);
                    } catch (RuntimeException error) {
                        done.completeExceptionally(error);
                    }
                }).build()) {
            for (long before = -1; before != seen.get();) {
                before = seen.get();
                try {
                    done.get(SILENCE_SECONDS, TimeUnit.SECONDS);
                    return;
                } catch (TimeoutException silence) {
                    // Unless messages came meanwhile, it is over.
                }
            }
        }
    }

    @Override
    public void close() {
        environment.close();
    }
}
