# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Topics, settings and the cluster of a real broker."""
from support.broker import SECONDS, BrokerCase

from millrace import (Admin, Client, Consumer, MillraceError, NewTopic, Position, Producer,
                      ProducerOptions, TopicPartition)
from millrace.descriptions import ConfigSource


class Topics(BrokerCase):
    def refuses(self, name: str, call, *args, **options) -> str:
        with self.assertRaises(MillraceError) as refused:
            call(*args, **options)
        self.assertEqual(refused.exception.name, name)
        return str(refused.exception)

    def test_are_made_described_listed_and_deleted(self):
        made = self.admin.create_topic(self.topic, 3)
        self.assertEqual((made.name, made.partitions), (self.topic, 3))
        described = self.admin.describe_topic(self.topic)
        self.assertEqual((described.id, [part.partition for part in described.partitions]),
                         (made.id, [0, 1, 2]))
        self.assertIn(described.name, [topic.name for topic in self.admin.list_topics()])
        self.admin.delete_topic(self.topic)
        self.refuses("unknown_topic", self.admin.describe_topic, self.topic)
        self.assertNotIn(described.name, [topic.name for topic in self.admin.list_topics()])

    def test_are_refused_each_by_itself(self):
        outcomes = self.admin.create_topics([
            NewTopic(self.topic, 1), NewTopic("..", 1), NewTopic(self.topic + "2", 10_000_000),
            NewTopic(self.topic + "3", 1, {"nope": "1"})])
        self.assertEqual([outcome.error and outcome.error.name for outcome in outcomes],
                         [None, "invalid_topic_name", "invalid_partition_count", "invalid_config"])
        self.refuses("topic_exists", self.admin.create_topic, self.topic)

    def test_are_only_looked_at_where_nothing_is_to_be_changed(self):
        self.admin.create_topic(self.topic, 1, validate_only=True)
        self.refuses("unknown_topic", self.admin.describe_topic, self.topic)

    def test_grow_and_producers_hear_of_it(self):
        self.create(1)
        with Producer(self.client, ProducerOptions(metadata_age=0.0)) as producer:
            producer.send(self.topic, "v").result(SECONDS)
            with Client(self.broker.address) as other:
                Admin(other).grow_topic(self.topic, 4)
            ack = producer.send(self.topic, "v", partition=3).result(SECONDS)
            self.assertEqual((ack.partition, ack.offset), (3, 0))
            partitions = {producer.send(self.topic, "v", key=str(number)).result(SECONDS).partition
                          for number in range(40)}
        self.assertEqual(partitions, {0, 1, 2, 3})
        self.refuses("invalid_partition_count", self.admin.grow_topic, self.topic, 2)

    def test_that_grew_are_heard_of_without_being_asked_for(self):
        self.create(1)
        with Producer(self.client, ProducerOptions(metadata_age=0.0)) as producer:
            producer.send(self.topic, "v").result(SECONDS)
            with Client(self.broker.address) as other:
                Admin(other).grow_topic(self.topic, 2)
            producer.send(self.topic, "v").result(SECONDS)
            seen = {producer.send(self.topic, "v", key=str(number)).result(SECONDS).partition
                    for number in range(60)}
        self.assertEqual(seen, {0, 1})

    def test_made_anew_are_written_to_by_the_same_producer(self):
        self.create(1)
        with Producer(self.client) as producer:
            producer.send(self.topic, "old").result(SECONDS)
            with Client(self.broker.address) as other:
                Admin(other).delete_topic(self.topic)
                Admin(other).create_topic(self.topic, 1)
            self.assertEqual(producer.send(self.topic, "new").result(SECONDS).offset, 0)

    def test_say_where_they_begin_and_end(self):
        self.create(2)
        with Producer(self.client) as producer:
            for number in range(5):
                producer.send(self.topic, "v", partition=1, timestamp_ms=100 * number)
        rows = self.admin.topic_offsets(self.topic)
        self.assertEqual([(row.start_offset, row.end_offset) for row in rows], [(0, 0), (0, 5)])
        self.assertGreater(rows[1].size_bytes, 5 * 7)
        places = self.admin.find_offsets([(self.topic, 1, Position.at_time(150)),
                                          (self.topic, 1, Position.end()),
                                          (self.topic, 0, Position.at_time(0))])
        self.assertEqual([(place.offset, place.timestamp_ms) for place in places],
                         [(2, 200), (5, -1), (0, -1)])


    def test_begin_where_records_were_deleted_up_to(self):
        self.create(2)
        with Producer(self.client) as producer:
            for _ in range(5):
                producer.send(self.topic, "v", partition=1)
        one = TopicPartition(self.topic, 1)
        (deleted,) = self.admin.delete_records({one: 3})
        self.assertEqual((deleted.start_offset, deleted.error), (3, None))
        self.assertEqual([row.start_offset for row in self.admin.topic_offsets(self.topic)],
                         [0, 3])
        (deleted,) = self.admin.delete_records({one: 6})
        self.assertEqual(deleted.error.name, "offset_out_of_range")
        (deleted,) = self.admin.delete_records({one: -1})
        self.assertEqual(deleted.start_offset, 5)
        self.assertEqual([row.segments for row in self.admin.expire_topic(self.topic)], [0, 0])


    def test_are_compacted_and_read_across_what_is_missing(self):
        self.create(1, cleanup_policy="compact", segment_bytes="4096")
        with Producer(self.client) as producer:
            for number in range(40):
                producer.send(self.topic, f"{number:02}" + "v" * 1000,
                              key=f"key-{number % 2}").result(SECONDS)
        (done,) = self.admin.compact_topic(self.topic)
        self.assertEqual((done.finished, done.error), (True, None))
        self.assertLess(done.records[1], done.records[0] / 5)
        with Consumer(self.client) as consumer:
            consumer.assign_topic(self.topic)
            values = {record.key: record.value[:2] for record in consumer.until_end()}
        self.assertEqual(values, {b"key-0": b"38", b"key-1": b"39"})


class Settings(BrokerCase):
    def value(self, key: str) -> tuple[str, ConfigSource]:
        (entry,) = self.admin.topic_config(self.topic, [key])
        return entry.value, entry.source

    def test_of_topics_are_described_and_altered(self):
        self.create(1, segment_bytes="32MiB")
        self.assertEqual(self.value("segment.bytes"), (str(32 << 20), ConfigSource.TOPIC))
        self.admin.alter_topic_config(self.topic, {"segment.bytes": "64MiB",
                                                   "retention.ms": "1d"})
        self.assertEqual(self.value("segment.bytes"), (str(64 << 20), ConfigSource.TOPIC))
        self.assertEqual(self.value("retention.ms"), ("86400000", ConfigSource.TOPIC))
        self.admin.alter_topic_config(self.topic, {"segment.bytes": None})
        self.assertEqual(self.value("segment.bytes"), (str(1 << 30), ConfigSource.DEFAULT_VALUE))
        self.assertGreater(len(self.admin.topic_config(self.topic)), 5)

    def test_are_changed_together_or_not_at_all(self):
        self.create(1)
        for changes in ({"retention.ms": "1d", "nope": "1"}, {"retention.ms": "soon"}):
            with self.assertRaises(MillraceError) as refused:
                self.admin.alter_topic_config(self.topic, changes)
            self.assertEqual(refused.exception.name, "invalid_config")
        self.assertEqual(self.value("retention.ms")[1], ConfigSource.DEFAULT_VALUE)

    def test_of_the_broker_are_described(self):
        (entry,) = self.admin.broker_config(["node.shards"])
        self.assertEqual((entry.value, entry.source, entry.read_only),
                         ("2", ConfigSource.COMMAND_LINE, True))
        self.assertIn("wal.bytes", [entry.key for entry in self.admin.broker_config()])

    def test_of_topics_that_are_not_there_are_refused(self):
        for call in (self.admin.topic_config,
                     lambda name: self.admin.alter_topic_config(name, {"retention.ms": "1d"})):
            with self.assertRaises(MillraceError) as refused:
                call("nobodys")
            self.assertEqual(refused.exception.name, "unknown_topic")


class Cluster(BrokerCase):
    def test_is_described(self):
        self.create(3)
        cluster = self.admin.describe_cluster()
        self.assertEqual([f"{broker.host}:{broker.port}" for broker in cluster.brokers],
                         [self.broker.address])
        self.assertEqual((cluster.shards, cluster.topics, cluster.partitions), (2, 1, 3))
        self.assertIn(cluster.io, ("uring", "threads"))
