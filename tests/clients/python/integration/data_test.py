# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Records go in and come out of a real broker as they were sent, also between the clients."""
import json
import time
from concurrent.futures import wait

from support.broker import SECONDS, BrokerCase

from millrace import (Acks, Client, Compression, Consumer, ConsumerOptions, Durability,
                      MillraceError, NewRecord, Position, Producer, ProducerOptions, Record,
                      TopicPartition)
from millrace.partitioner import partition_of_key


class DataCase(BrokerCase):
    def send(self, values, partitions: int = 1, **options) -> list:
        """Creates the case's topic and sends these values to it; their acknowledgements."""
        self.create(partitions)
        with Producer(self.client, ProducerOptions(**options)) as producer:
            futures = [producer.send(self.topic, value) for value in values]
        return [future.result(SECONDS) for future in futures]

    def consumer(self, position: Position = Position.start(), **options) -> Consumer:
        consumer = Consumer(self.client, ConsumerOptions(**options))
        self.addCleanup(consumer.close)
        consumer.assign_topic(self.topic, position)
        return consumer

    def read(self, position: Position = Position.start(), **options) -> list[Record]:
        return list(self.consumer(position, **options).until_end())

    def values(self, records: list[Record]) -> list[bytes | None]:
        return [record.value for record in records]


class Records(DataCase):
    def test_come_out_as_they_were_sent_with_every_codec(self):
        self.create(3)
        sent = {}
        for codec in Compression:
            with Producer(self.client, ProducerOptions(compression=codec, linger=1.0)) as producer:
                for number in range(200):
                    key, value = f"{codec.name} {number}".encode(), b"value " * number
                    future = producer.send(self.topic, value, key=key, timestamp_ms=1000 + number,
                                           headers=[("codec", codec.name), ("no", None)])
                    sent[key] = (value, future)
        records = self.read()
        self.assertEqual(len(records), len(sent))
        for record in records:
            value, future = sent[record.key]
            ack = future.result(SECONDS)
            codec, _, number = record.key.decode().partition(" ")
            self.assertEqual(record.value, value)
            self.assertEqual((record.partition, record.offset), (ack.partition, ack.offset))
            self.assertEqual(record.partition, partition_of_key(record.key, 3))
            self.assertEqual(record.timestamp_ms, 1000 + int(number))
            self.assertEqual(record.headers, [("codec", codec.encode()), ("no", None)])

    def test_of_every_codec_are_read_by_the_cpp_client(self):
        self.create(1)
        for codec in Compression:
            with Producer(self.client, ProducerOptions(compression=codec, linger=1.0)) as producer:
                for number in range(100):
                    producer.send(self.topic, f"{codec.name} {number} " + "x" * 500, key="k")
        lines = self.broker.command("consume", self.topic, "--from", "start", "-e",
                                    "-f", "%o %k %v\\n").splitlines()
        self.assertEqual([line.split()[2:4] for line in lines],
                         [[codec.name, str(number)] for codec in Compression
                          for number in range(100)])

    def test_of_every_codec_are_read_from_the_cpp_client(self):
        self.create(1)
        for codec in Compression:
            self.broker.command("produce", self.topic, "-z", codec.name.lower(), given="".join(
                f"{codec.name} {number} {'x' * 500}\n" for number in range(100)))
        self.assertEqual([record.value.decode().split()[:2] for record in self.read()],
                         [[codec.name, str(number)] for codec in Compression
                          for number in range(100)])

    def test_with_a_key_go_where_the_cpp_client_puts_them(self):
        self.create(5)
        keys = [f"key-{number}" for number in range(50)]
        for key in keys[:10]:
            self.broker.command("produce", self.topic, "-k", key, given="v\n")
        for record in self.read():
            self.assertEqual(record.partition, partition_of_key(record.key, 5))

    def test_without_key_or_value_stay_without(self):
        self.create(1)
        with Producer(self.client) as producer:
            for key, value in ((None, None), (b"", b""), (b"k", None), (None, b"v")):
                producer.send(self.topic, value, key=key)
        self.assertEqual([(record.key, record.value) for record in self.read()],
                         [(None, None), (b"", b""), (b"k", None), (None, b"v")])

    def test_keep_their_order_in_each_partition(self):
        acks = self.send([str(number) for number in range(5000)], partitions=4, batch_bytes=4000)
        by_place = {(ack.partition, ack.offset): number for number, ack in enumerate(acks)}
        self.assertEqual(len(by_place), 5000)
        self.assertGreater(len({ack.partition for ack in acks}), 1)
        last: dict[int, int] = {}
        for record in self.read():
            number = by_place[record.partition, record.offset]
            self.assertEqual(record.value.decode(), str(number))
            self.assertGreater(number, last.get(record.partition, -1))
            last[record.partition] = number

    def test_go_to_the_partition_that_was_named(self):
        self.create(3)
        with Producer(self.client) as producer:
            acks = [producer.send(self.topic, "v", key="k", partition=number).result(SECONDS)
                    for number in (2, 0, 1, 2)]
        self.assertEqual([(ack.partition, ack.offset) for ack in acks],
                         [(2, 0), (0, 0), (1, 0), (2, 1)])

    def test_with_acks_0_arrive_without_being_answered(self):
        self.create(1)
        with Producer(self.client, ProducerOptions(acks=Acks.NONE)) as producer:
            futures = [producer.send(self.topic, str(number)) for number in range(100)]
            wait(futures, SECONDS)
            self.assertEqual({future.result().offset for future in futures}, {-1})
            # Behind them on another connection, so that their being there is waited for.
            consumer = self.consumer()
            records: list[Record] = []
            while len(records) < 100:
                records += consumer.poll(SECONDS)
        self.assertEqual(self.values(records), [str(number).encode() for number in range(100)])

    def test_with_acks_1_and_each_durability_are_acknowledged(self):
        self.create(1)
        for durability in Durability:
            with Producer(self.client, ProducerOptions(acks=Acks.ONE,
                                                       durability=durability)) as producer:
                producer.send(self.topic, durability.name).result(SECONDS)
        self.assertEqual(self.values(self.read()), [one.name.encode() for one in Durability])

    def test_larger_than_the_topic_takes_are_refused_and_others_are_not(self):
        self.create(1, max_message_bytes="10000")
        with Producer(self.client) as producer:
            large = producer.send(self.topic, bytes(20_000))
            error = large.exception(SECONDS)
            self.assertEqual((error.name, error.retryable), ("message_too_large", False))
            self.assertEqual(producer.send(self.topic, bytes(5000)).result(SECONDS).offset, 0)

    def test_in_batches_larger_than_the_topic_takes_are_stored_in_smaller_ones(self):
        self.create(1, max_message_bytes="10000")
        with Producer(self.client, ProducerOptions(linger=1.0)) as producer:
            futures = [producer.send(self.topic, f"{number} {'x' * 3000}") for number in range(40)]
        self.assertEqual([future.result(SECONDS).offset for future in futures], list(range(40)))
        self.assertEqual([int(value.split()[0]) for value in self.values(self.read())],
                         list(range(40)))

    def test_too_far_in_the_future_are_refused(self):
        self.create(1)
        with Producer(self.client) as producer:
            error = producer.send(self.topic, "v", timestamp_ms=1 << 60).exception(SECONDS)
        self.assertEqual(error.name, "invalid_timestamp")

    def test_have_the_brokers_time_where_the_topic_says_so(self):
        self.create(1, message_timestamp_type="LogAppendTime")
        with Producer(self.client) as producer:
            ack = producer.send(self.topic, "v", timestamp_ms=17).result(SECONDS)
        (record,) = self.read()
        self.assertLess(abs(record.timestamp_ms - time.time_ns() // 1_000_000), 60_000)
        self.assertEqual(ack.timestamp_ms, record.timestamp_ms)

    def test_go_over_the_unix_socket_as_well(self):
        self.create(1)
        with Client(self.broker.local_address) as client, Producer(client) as producer:
            self.assertEqual(producer.send(self.topic, "v").result(SECONDS).offset, 0)

    def test_of_a_topic_nobody_made_are_refused_with_the_command_that_makes_it(self):
        with Producer(self.client) as producer:
            error = producer.send("nobodys", "v").exception(SECONDS)
        self.assertEqual((error.name, error.retryable), ("unknown_topic", True))
        self.assertIn("millrace topic create nobodys", str(error))


class Conditions(DataCase):
    def test_let_a_batch_in_only_where_the_partition_ends(self):
        self.create(2)
        with Producer(self.client) as producer:
            ack = producer.append_at(self.topic, 1, 0, ["a", NewRecord(key="k", value="b")])
            self.assertEqual((ack.partition, ack.offset), (1, 0))
            with self.assertRaises(MillraceError) as refused:
                producer.append_at(self.topic, 1, 1, ["late"])
            self.assertEqual(refused.exception.name, "unexpected_offset")
            self.assertIn("ends at offset 2, not at 1", str(refused.exception))
            self.assertEqual(producer.append_at(self.topic, 1, 2, ["c"]).offset, 2)
        self.assertEqual(self.values(self.read()), [b"a", b"b", b"c"])

    def test_are_checked_before_anything_is_sent(self):
        self.create(1)
        with Producer(self.client) as producer:
            for offset, records in ((-1, ["a"]), (0, [])):
                with self.assertRaises(MillraceError) as refused:
                    producer.append_at(self.topic, 0, offset, records)
                self.assertEqual(refused.exception.name, "invalid_argument")


class AtomicAppends(DataCase):
    def test_store_all_records_or_none(self):
        self.create(4)
        at = [TopicPartition(self.topic, partition) for partition in range(4)]
        with Producer(self.client) as producer:
            acks = producer.append_atomic([(at[2], "a"), (at[0], "b"), (at[2], "c")])
            self.assertEqual([(ack.partition, ack.offset) for ack in acks],
                             [(2, 0), (0, 0), (2, 1)])
            with self.assertRaises(MillraceError) as refused:
                producer.append_atomic([(at[1], "x"), (at[2], "y")], {at[2]: 1})
            self.assertEqual(refused.exception.name, "unexpected_offset")
            with self.assertRaises(MillraceError) as refused:
                producer.append_atomic([(at[1], "x"), (TopicPartition(self.topic, 9), "y")])
            self.assertEqual(refused.exception.name, "unknown_partition")
            producer.append_atomic([(at[1], "d"), (at[2], "e")], {at[2]: 2, at[1]: 0})
        self.assertEqual(sorted(self.values(self.read())), [b"a", b"b", b"c", b"d", b"e"])


class Reading(DataCase):
    def test_begins_where_it_is_told_to(self):
        self.create(1)
        with Producer(self.client) as producer:
            for number in range(10):
                producer.send(self.topic, str(number), timestamp_ms=1000 + 10 * number)
        for position, first in ((Position.start(), 0), (Position.at(4), 4),
                                (Position.at_time(1035), 4), (Position.at_time(0), 0),
                                (Position.before_end(3), 7), (Position.end(), 10),
                                (Position.at_time(5000), 10)):
            with self.subTest(position):
                self.assertEqual(self.values(self.read(position)),
                                 [str(number).encode() for number in range(first, 10)])

    def test_begins_in_the_middle_of_a_batch(self):
        self.send([str(number) for number in range(100)], linger=1.0)
        self.assertEqual(self.values(self.read(Position.at(57))),
                         [str(number).encode() for number in range(57, 100)])

    def test_goes_back_and_forth(self):
        self.send([str(number) for number in range(10)])
        consumer = self.consumer()
        self.assertEqual(len(list(consumer.until_end())), 10)
        for position, first in ((Position.at(8), 8), (Position.start(), 0),
                                (Position.before_end(1), 9)):
            consumer.seek(self.topic, 0, position)
            self.assertEqual(self.values(list(consumer.until_end()))[0], str(first).encode())

    def test_waits_for_what_comes(self):
        self.create(1)
        consumer = self.consumer(Position.end())
        self.assertEqual(consumer.poll(0.0), [])
        with Producer(self.client) as producer:
            for number in range(5):
                producer.send(self.topic, str(number)).result(SECONDS)
                self.assertEqual(self.values(consumer.poll(SECONDS)), [str(number).encode()])

    def test_in_a_session_of_many_partitions_misses_none_of_them(self):
        self.create(40)
        consumer = self.consumer()
        consumer.poll(0.0)
        with Producer(self.client) as producer:
            for turn in range(3):
                for partition in (turn, 39 - turn, 20):
                    producer.send(self.topic, f"{turn}", partition=partition).result(SECONDS)
                    (record,) = consumer.poll(SECONDS)
                    self.assertEqual((record.partition, record.value),
                                     (partition, str(turn).encode()))

    def test_of_small_answers_comes_to_the_end(self):
        self.send([bytes(3000) for _ in range(200)], batch_bytes=10_000, partitions=2)
        records = self.read(fetch_bytes_max=1, partition_bytes_max=1)
        self.assertEqual(len(records), 200)

    def test_outside_the_log_is_told_with_the_place(self):
        self.send(["a", "b"])
        consumer = self.consumer(Position.at(99))
        for _ in range(2):
            with self.assertRaises(MillraceError) as refused:
                consumer.poll(SECONDS)
            self.assertEqual(refused.exception.name, "offset_out_of_range")
            self.assertEqual(refused.exception.offset, 99)
        consumer.seek(self.topic, 0, Position.start())
        self.assertEqual(self.values(consumer.poll(SECONDS)), [b"a", b"b"])

    def test_outside_the_log_goes_to_the_start_where_it_is_told_to(self):
        self.send(["a", "b"])
        consumer = self.consumer(Position.at(99), on_out_of_range="start")
        self.assertEqual(self.values(consumer.poll(SECONDS)), [b"a", b"b"])

    def test_of_a_topic_that_was_deleted_is_told(self):
        self.send(["a"])
        consumer = self.consumer()
        consumer.poll(SECONDS)
        self.admin.delete_topic(self.topic)
        with self.assertRaises(MillraceError) as refused:
            consumer.poll(SECONDS)
        self.assertIn(refused.exception.name, ("unknown_topic", "topic_deleted"))

    def test_of_what_is_not_there_is_refused(self):
        self.create(1)
        consumer = Consumer(self.client)
        self.addCleanup(consumer.close)
        for topic, partition, name in (("nobodys", 0, "unknown_topic"),
                                       (self.topic, 1, "unknown_partition")):
            with self.assertRaises(MillraceError) as refused:
                consumer.assign([(topic, partition, Position.start())])
            self.assertEqual(refused.exception.name, name)

    def test_is_what_the_cpp_client_says_it_is(self):
        self.create(2)
        with Producer(self.client) as producer:
            for number in range(20):
                producer.send(self.topic, str(number), key=str(number), timestamp_ms=number,
                              headers=[("h", str(number))])
        lines = self.broker.command("consume", self.topic, "--from", "start", "-e", "-o", "jsonl")
        theirs = {(row["partition"], row["offset"]): (row["key"], row["value"])
                  for row in map(json.loads, lines.splitlines())}
        ours = {(record.partition, record.offset): (record.key.decode(), record.value.decode())
                for record in self.read()}
        self.assertEqual(ours, theirs)


