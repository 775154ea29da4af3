// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
package millrace.peers;

import io.nats.client.Connection;
import io.nats.client.JetStream;
import io.nats.client.JetStreamSubscription;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.PushSubscribeOptions;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import java.time.Duration;

/** JetStream's client: asynchronous publishing, and an ordered consumer. */
final class NatsPeer implements Peer {
    private static final String SUBJECT = "job";
    // A message waits for all before it, each flushed on its own; unless told otherwise, the client
    // takes answers of more than five seconds for lost when it next looks.
    private static final Duration LOOK_FOR_LOST_EVERY = Duration.ofMinutes(10);

    private final Connection connection;
    private final JetStream stream;

    NatsPeer(String address) throws Exception {
        connection = Nats.connect(Options.builder().server("nats://" + address)
                .requestCleanupInterval(LOOK_FOR_LOST_EVERY).build());
        stream = connection.jetStream();
    }

    @Override
    public void create() throws Exception {
        connection.jetStreamManagement().addStream(StreamConfiguration.builder().name(SUBJECT)
                .subjects(SUBJECT).storageType(StorageType.File).build());
    }

    @Override
    public void send(byte[] message, Done done) {
        stream.publishAsync(SUBJECT, message).whenComplete((stored, error) -> done.run(error));
    }

    @Override
    public void read(Reader reader) throws Exception {
        JetStreamSubscription subscription = stream.subscribe(SUBJECT,
                PushSubscribeOptions.builder().ordered(true).build());
        for (;;) {
            Message message = subscription.nextMessage(Duration.ofSeconds(10));
            if (message == null || !reader.take(message.getData())) return;
        }
    }

    @Override
    public void close() throws Exception {
        connection.close();
    }
}
