// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
package millrace.peers;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Kafka's clients with their default settings. */
final class KafkaPeer implements Peer {
    private static final String TOPIC = "job";

    private final Map<String, Object> settings;
    private KafkaProducer<byte[], byte[]> producer;

    KafkaPeer(String address) {
        settings = Map.of("bootstrap.servers", address);
    }

    @Override
    public void create() throws Exception {
        try (Admin admin = Admin.create(settings)) {
            admin.createTopics(List.of(new NewTopic(TOPIC, 1, (short) 1))).all().get();
        }
        producer = new KafkaProducer<>(settings, new ByteArraySerializer(),
                new ByteArraySerializer());
    }

    @Override
    public void send(byte[] message, Done done) {
        producer.send(new ProducerRecord<>(TOPIC, 0, null, message),
                (stored, error) -> done.run(error));
    }

    @Override
    public void read(Reader reader) {
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(),
                new ByteArrayDeserializer())) {
            var partition = List.of(new TopicPartition(TOPIC, 0));
            consumer.assign(partition);
            consumer.seekToBeginning(partition);
            for (;;) {
                var records = consumer.poll(Duration.ofSeconds(10));
                if (records.isEmpty()) return;
                for (ConsumerRecord<byte[], byte[]> record : records) {
                    if (!reader.take(record.value())) return;
                }
            }
        }
    }

    @Override
    public void close() {
        if (producer != null) producer.close();
    }
}
