# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Records are batched, sent again where that helps, and never forgotten."""
import threading
import unittest
from concurrent.futures import wait
from unittest import mock

from support.peer import HANG_UP, Peer, Reply, Request
from support.replies import PART, metadata, produced, refusal

from millrace import (Acks, Client, Compression, MillraceError, Producer, ProducerOptions, Record)
from millrace.batch_reader import read_batch, read_records
from millrace.frame import Api
from millrace.wire.ProduceRequest import ProduceRequest

SECONDS = 30.0


def records_of(request: Request) -> list[Record]:
    batch = read_batch(memoryview(request.payload))
    return list(read_records(batch, "orders", 0, 0, 1 << 20))


class ProducerCase(unittest.TestCase):
    def setUp(self):
        self.produce = lambda request: Reply(produced())
        self.topics = lambda request: Reply(metadata())
        self.peer = Peer(lambda request: (self.produce if request.api == Api.PRODUCE
                                          else self.topics)(request))
        self.addCleanup(self.peer.close)
        self.client = Client(self.peer.address)
        self.addCleanup(self.client.close)

    def producer(self, **options) -> Producer:
        producer = Producer(self.client, ProducerOptions(
            **({"retry_delay_min": 0.001, "retry_delay_max": 0.001} | options)))
        self.addCleanup(producer.close, 0.0)
        return producer

    def fails(self, future, name: str) -> MillraceError:
        error = future.exception(SECONDS)
        self.assertIsInstance(error, MillraceError)
        self.assertEqual(error.name, name, error)
        return error


class Sending(ProducerCase):
    def test_acknowledges_with_partition_and_offset(self):
        self.produce = lambda _: Reply(produced(40))
        ack = self.producer().send("orders", "v", timestamp_ms=17).result(SECONDS)
        self.assertEqual((ack.topic, ack.partition, ack.offset, ack.timestamp_ms),
                         ("orders", 0, 40, 17))

    def test_says_when_the_broker_set_the_time(self):
        self.produce = lambda _: Reply(produced(0, append_time=99))
        self.assertEqual(self.producer().send("orders", "v").result(SECONDS).timestamp_ms, 99)

    def test_carries_everything_a_record_has(self):
        self.producer().send("orders", b"v", key="k", timestamp_ms=17,
                             headers=[("h", "x"), ("h", None)]).result(SECONDS)
        (record,) = records_of(self.peer.of(Api.PRODUCE)[0])
        self.assertEqual((record.key, record.value, record.timestamp_ms, record.headers),
                         (b"k", b"v", 17, [("h", b"x"), ("h", None)]))

    def test_batches_what_lingers(self):
        producer = self.producer(linger=1000.0, compression=Compression.GZIP)
        futures = [producer.send("orders", str(number)) for number in range(50)]
        self.assertEqual(self.peer.of(Api.PRODUCE), [])
        producer.flush(SECONDS)
        self.assertEqual([future.result(0).offset for future in futures], list(range(50)))
        (request,) = self.peer.of(Api.PRODUCE)
        self.assertEqual(len(records_of(request)), 50)

    def test_lets_a_batch_grow_while_the_one_before_is_on_its_way(self):
        arrived, go = threading.Event(), threading.Event()

        def slow(_: Request) -> Reply:
            arrived.set()
            go.wait(SECONDS)
            return Reply(produced())

        self.produce = slow
        producer = self.producer()
        producer.send("orders", "first")
        arrived.wait(SECONDS)
        for _ in range(30):
            producer.send("orders", "next")
        go.set()
        producer.flush(SECONDS)
        self.assertEqual([len(records_of(request)) for request in self.peer.of(Api.PRODUCE)],
                         [1, 30])

    def test_with_acks_0_waits_for_nothing(self):
        self.produce = lambda _: None
        ack = self.producer(acks=Acks.NONE).send("orders", "v").result(SECONDS)
        self.assertEqual(ack.offset, -1)

    def test_with_acks_0_marks_the_request_one_way(self):
        seen = threading.Event()
        self.produce = lambda _: seen.set()
        self.producer(acks=Acks.NONE).send("orders", "v")
        self.assertTrue(seen.wait(SECONDS))
        (request,) = self.peer.of(Api.PRODUCE)
        self.assertTrue(request.one_way)
        self.assertEqual(ProduceRequest.GetRootAs(request.table).Acks(), 0)

    def test_refuses_partitions_the_topic_has_not(self):
        self.fails(self.producer().send("orders", "v", partition=1), "unknown_partition")

    def test_refuses_what_cannot_be_a_record(self):
        producer = self.producer()
        for wrong in ({"value": 5}, {"key": 1.5}, {"timestamp_ms": -2}, {"partition": -1},
                      {"headers": [("h", 7)]}):
            with self.subTest(wrong), self.assertRaises(MillraceError) as refused:
                producer.send("orders", **wrong)
            self.assertEqual(refused.exception.name, "invalid_argument")

    def test_refuses_records_no_request_can_hold(self):
        self.fails(self.producer().send("orders", bytes(1 << 20)), "message_too_large")

    def test_refuses_options_that_are_not_possible(self):
        for wrong in ({"batch_bytes": 0}, {"linger": -1.0}, {"delivery_timeout": 0.0}):
            with self.subTest(wrong), self.assertRaises(MillraceError) as refused:
                self.producer(**wrong)
            self.assertEqual(refused.exception.name, "invalid_argument")


class Trouble(ProducerCase):
    def test_that_may_pass_is_tried_again_with_the_same_bytes(self):
        for number, name in ((7, "throttled"), (44, "storage_full"), (8, "timed_out")):
            with self.subTest(name):
                self.peer.requests.clear()
                self.produce = lambda _: Reply(produced(
                    9, number if len(self.peer.of(Api.PRODUCE)) < 3 else 0))
                self.assertEqual(self.producer().send("orders", "v").result(SECONDS).offset, 9)
                requests = self.peer.of(Api.PRODUCE)
                self.assertEqual(len(requests), 3)
                self.assertEqual(len({request.payload for request in requests}), 1)

    def test_of_the_whole_request_is_tried_again(self):
        self.produce = lambda _: Reply(refusal(7) if len(self.peer.of(Api.PRODUCE)) < 2
                                       else produced(3))
        self.assertEqual(self.producer().send("orders", "v").result(SECONDS).offset, 3)

    def test_that_will_not_pass_fails_every_record_of_the_batch_once(self):
        self.produce = lambda _: Reply(produced(error=43, message="too late"))
        producer = self.producer(linger=1000.0)
        futures = [producer.send("orders", "v") for _ in range(3)]
        producer.flush(SECONDS)
        for future in futures:
            self.assertIn("too late", str(self.fails(future, "invalid_timestamp")))
        self.assertEqual(len(self.peer.of(Api.PRODUCE)), 1)

    def test_with_the_size_of_a_batch_fails_only_the_record_that_is_too_large(self):
        stored: list[str] = []

        def serve(request: Request) -> Reply:
            if len(request.payload) > 300:
                return Reply(produced(error=42, message="too large"))
            base = len(stored)
            stored.extend(record.value.decode() for record in records_of(request))
            return Reply(produced(base))

        self.produce = serve
        producer = self.producer(linger=1000.0)
        futures = [producer.send("orders", "x" * 400 if number == 20 else str(number), key="k",
                                 headers=[("h", "v")], timestamp_ms=number)
                   for number in range(50)]
        producer.flush(SECONDS)
        self.assertIn("too large", str(self.fails(futures.pop(20), "message_too_large")))
        self.assertEqual(stored, [str(number) for number in range(50) if number != 20])
        self.assertEqual([future.result(0).offset for future in futures], list(range(49)))

    def test_inside_the_library_leaves_nobody_waiting(self):
        producer = self.producer()
        with mock.patch("millrace.sender.encode_produce", side_effect=ZeroDivisionError), \
                mock.patch("threading.excepthook"):
            self.fails(producer.send("orders", "v"), "closed")
            producer._sender._thread.join(SECONDS)
        with self.assertRaises(MillraceError) as refused:
            producer.send("orders", "v")
        self.assertEqual(refused.exception.name, "closed")

    def test_of_the_connection_is_overcome_by_another_one(self):
        self.produce = lambda request: (HANG_UP if len(self.peer.of(Api.PRODUCE)) < 3
                                        else Reply(produced(5)))
        self.assertEqual(self.producer().send("orders", "v").result(SECONDS).offset, 5)
        self.assertEqual(len({request.connection for request in self.peer.of(Api.PRODUCE)}), 3)

    def test_never_lets_a_record_overtake_an_earlier_one(self):
        self.produce = lambda request: (
            HANG_UP if len(self.peer.of(Api.PRODUCE)) % 2 else Reply(produced()))
        producer = self.producer(batch_bytes=400)
        futures = [producer.send("orders", str(number)) for number in range(40)]
        wait(futures, SECONDS)
        stored: list[str] = []
        for request in self.peer.of(Api.PRODUCE)[1::2]:
            stored += [record.value.decode() for record in records_of(request)]
        self.assertEqual(stored, [str(number) for number in range(40)])

    def test_ends_with_the_delivery_timeout(self):
        self.produce = lambda _: Reply(produced(error=7))
        error = self.producer(delivery_timeout=0.1).send("orders", "v").exception(SECONDS)
        self.assertIn(error.name, ("throttled", "timed_out"))

    def test_of_a_silent_broker_ends_with_the_delivery_timeout(self):
        self.produce = lambda _: None
        producer = self.producer(delivery_timeout=0.1)
        self.fails(producer.send("orders", "v"), "timed_out")

    def test_with_a_topic_nobody_knows_is_told_at_once(self):
        self.topics = lambda _: Reply(metadata(error=20, partitions=0))
        self.assertTrue(self.fails(self.producer().send("x", "v"), "unknown_topic").retryable)

    def test_with_a_topic_that_was_made_anew_is_overcome_by_asking_for_it(self):
        self.produce = lambda _: Reply(produced(
            6, 20 if len(self.peer.of(Api.PRODUCE)) < 2 else 0))
        self.assertEqual(self.producer().send("orders", "v").result(SECONDS).offset, 6)
        self.assertEqual(len(self.peer.of(Api.METADATA)), 2)

    def test_with_an_answer_about_something_else_closes_the_connection(self):
        other = PART._replace(partition=7)
        self.produce = lambda _: Reply(produced(0, part=other))
        self.fails(self.producer().send("orders", "v"), "protocol_violation")


class Memory(ProducerCase):
    def setUp(self):
        super().setUp()
        self.go = threading.Event()
        self.addCleanup(self.go.set)

        def held(_: Request) -> Reply:
            self.go.wait(SECONDS)
            return Reply(produced())

        self.produce = held

    def test_is_bounded_by_failing(self):
        producer = self.producer(buffer_bytes=2500, block_when_full=False)
        first = producer.send("orders", bytes(2000))
        self.fails(producer.send("orders", bytes(2000)), "buffer_full")
        self.go.set()
        first.result(SECONDS)
        producer.flush(SECONDS)
        producer.send("orders", bytes(2000)).result(SECONDS)

    def test_is_bounded_by_waiting(self):
        producer = self.producer(buffer_bytes=2500)
        producer.send("orders", bytes(2000))
        second = []
        sender = threading.Thread(target=lambda: second.append(
            producer.send("orders", bytes(2000)).result(SECONDS)))
        sender.start()
        self.assertEqual(second, [])
        self.go.set()
        sender.join(SECONDS)
        self.assertEqual(len(second), 1)

    def test_is_waited_for_no_longer_than_the_delivery_timeout(self):
        producer = self.producer(buffer_bytes=2500, delivery_timeout=0.05)
        producer.send("orders", bytes(2000))
        other = producer.send("orders", bytes(2400))
        self.assertIn(other.exception(SECONDS).name, ("buffer_full", "timed_out"))

    def test_is_never_waited_for_in_a_callback(self):
        producer = self.producer(buffer_bytes=2500)
        inner = []
        first = producer.send("orders", bytes(2000))
        first.add_done_callback(lambda _: inner.append(producer.send("orders", bytes(2400))))
        self.go.set()
        producer.flush(SECONDS)
        self.fails(inner[0], "buffer_full")

    def test_of_a_closed_producer_holds_nothing_any_more(self):
        producer = self.producer()
        future = producer.send("orders", "v")
        producer.close(0.0)
        self.assertIsNotNone(future.exception(SECONDS))
        with self.assertRaises(MillraceError) as refused:
            producer.send("orders", "v")
        self.assertEqual(refused.exception.name, "closed")

    def test_that_is_flushed_too_long_says_so(self):
        producer = self.producer()
        producer.send("orders", "v")
        with self.assertRaises(MillraceError) as refused:
            producer.flush(0.01)
        self.assertEqual(refused.exception.name, "timed_out")
