# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Records come in order, each once, whatever the broker's answers look like."""
import unittest

from support.peer import HANG_UP, Peer, Reply, Request
from support.replies import PART, fetched, listed, metadata, refusal

from millrace import Client, Consumer, ConsumerOptions, MillraceError, Position, ReadError
from millrace.batch import BatchBuilder
from millrace.crc32c import crc32c
from millrace.frame import Api
from millrace.wire.FetchRequest import FetchRequest


def batch(base: int, *values: str) -> bytes:
    builder = BatchBuilder()
    for value in values:
        builder.add(1000, None, value.encode())
    return base.to_bytes(8, "big") + builder.finish()[8:]


def with_last_delta(data: bytes, last_delta: int) -> bytes:
    """As after a compaction that took the last records."""
    covered = data[21:23] + last_delta.to_bytes(4, "big") + data[27:]
    return data[:17] + crc32c(covered).to_bytes(4, "big") + covered


def in_epoch(data: bytes, leader_epoch: int) -> bytes:
    return data[:12] + leader_epoch.to_bytes(4, "big") + data[16:]


class ConsumerCase(unittest.TestCase):
    def setUp(self):
        self.log = b""
        self.fetch = lambda request: self.serve()
        answers = {Api.METADATA: lambda _: Reply(metadata()),
                   Api.LIST_OFFSETS: lambda _: Reply(listed(0, 0, 10)),
                   Api.FETCH: lambda request: self.fetch(request)}
        self.peer = Peer(lambda request: answers[Api(request.api)](request))
        self.addCleanup(self.peer.close)
        self.client = Client(self.peer.address)
        self.addCleanup(self.client.close)

    def serve(self, error: int = 0, session: tuple[int, int] = (0, 0)) -> Reply:
        data, self.log = self.log, b""
        return Reply(fetched([(PART, error, 10, len(data))], session), data)

    def consumer(self, position: Position = Position.start(), **options) -> Consumer:
        consumer = Consumer(self.client, ConsumerOptions(**options))
        self.addCleanup(consumer.close)
        consumer.assign([("orders", 0, position)])
        return consumer

    def values(self, records) -> list[tuple[int, str]]:
        return [(record.offset, record.value.decode()) for record in records]

    def asked(self, number: int) -> list[int]:
        """The offsets that a fetch named."""
        request = FetchRequest.GetRootAs(self.peer.of(Api.FETCH)[number].table)
        return [request.Partitions(row).Offset() for row in range(request.PartitionsLength())]

    def fails(self, consumer: Consumer, name: str) -> MillraceError:
        with self.assertRaises(MillraceError) as refused:
            consumer.poll(5.0)
        self.assertEqual(refused.exception.name, name, refused.exception)
        return refused.exception

    def serve_in(self, session: tuple[int, int], data: bytes) -> Reply:
        return Reply(fetched([(PART, 0, 10, len(data))], session), data)


class Reading(ConsumerCase):
    def test_skips_what_lies_below_the_offset_that_was_asked_for(self):
        self.log = batch(4, "a", "b", "c") + batch(7, "d")
        consumer = self.consumer(Position.at(6))
        self.assertEqual(self.values(consumer.poll()), [(6, "c"), (7, "d")])
        self.assertEqual(consumer.position("orders", 0), 8)
        self.assertEqual(consumer.high_watermark("orders", 0), 10)

    def test_hands_out_no_more_than_was_asked_for_and_loses_nothing(self):
        self.log = batch(0, "a", "b", "c") + batch(3, "d")
        consumer = self.consumer(poll_records_max=2)
        self.assertEqual(self.values(consumer.poll()), [(0, "a"), (1, "b")])
        self.assertEqual(self.values(consumer.poll()), [(2, "c"), (3, "d")])
        self.assertEqual(len(self.peer.of(Api.FETCH)), 1)

    def test_returns_nothing_when_nothing_comes_in_time(self):
        self.assertEqual(self.consumer().poll(0.0), [])

    def test_goes_on_behind_a_batch_whose_last_records_are_gone(self):
        self.log = with_last_delta(batch(0, "a"), 5)
        consumer = self.consumer()
        consumer.poll()
        self.assertEqual(consumer.position("orders", 0), 6)

    def test_names_the_place_of_a_damaged_batch_and_stays_there(self):
        damaged = bytearray(batch(2, "c"))
        damaged[-1] ^= 1
        whole = batch(0, "a", "b")

        def serve(_: Request) -> Reply:
            self.log = whole + bytes(damaged)
            return self.serve()

        self.fetch = serve
        consumer = self.consumer()
        self.assertEqual(self.values(consumer.poll()), [(0, "a"), (1, "b")])
        for _ in range(2):
            error = self.fails(consumer, "corrupt_batch")
            self.assertIsInstance(error, ReadError)
            self.assertEqual((error.topic, error.partition, error.offset), ("orders", 0, 2))
        consumer.seek("orders", 0, Position.at(3))
        self.fetch = lambda _: self.serve()
        self.log = batch(3, "d")
        self.assertEqual(self.values(consumer.poll()), [(3, "d")])

    def test_reads_a_damaged_batch_where_it_is_told_not_to_look(self):
        damaged = bytearray(batch(0, "a"))
        damaged[17] ^= 1
        self.log = bytes(damaged)
        self.assertEqual(self.values(self.consumer(check_crc=False).poll()), [(0, "a")])

    def test_tells_of_an_offset_outside_the_log(self):
        self.fetch = lambda _: self.serve(error=60)
        self.fails(self.consumer(Position.at(99)), "offset_out_of_range")

    def test_moves_to_an_end_of_the_log_where_it_is_told_to(self):
        for where, expected in (("start", 0), ("end", 10)):
            with self.subTest(where):
                self.fetch = lambda _: self.serve(error=60)
                consumer = self.consumer(Position.at(99), on_out_of_range=where)
                consumer.poll(0.0)
                self.assertEqual(consumer.position("orders", 0), expected)

    def test_tells_of_records_that_are_gone_and_where_the_rest_ends(self):
        self.fetch = lambda _: Reply(fetched([(PART, 61, 10, 0)], diverging_end_offset=7))
        error = self.fails(self.consumer(Position.at(9)), "log_truncated")
        self.assertIn("ends at 7", str(error))
        self.assertEqual(error.offset, 9)

    def test_names_the_epoch_of_the_batch_before_and_none_after_a_seek(self):
        self.log = in_epoch(batch(0, "a"), 5)
        consumer = self.consumer()
        consumer.poll()
        self.fetch = lambda _: Reply(fetched([(PART, 0, 10, 0)]))
        consumer.poll(0.0)
        consumer.seek("orders", 0, Position.at(0))
        consumer.poll(0.0)
        self.assertEqual([FetchRequest.GetRootAs(request.table).Partitions(0).LeaderEpoch()
                          for request in self.peer.of(Api.FETCH)], [-1, 5, -1])

    def test_says_less_and_less_in_a_session(self):
        answers = [self.serve_in((7, 0), batch(0, "a")), self.serve_in((7, 1), batch(1, "b")),
                   Reply(fetched([], (7, 2)))]
        self.fetch = lambda _: answers.pop(0)
        consumer = self.consumer()
        for _ in range(3):
            consumer.poll(0.0)
        self.assertEqual([self.asked(number) for number in range(3)], [[0], [1], [2]])
        answers.append(Reply(fetched([], (7, 3))))
        consumer.poll(0.0)
        self.assertEqual(self.asked(3), [])

    def test_opens_another_session_when_its_own_is_gone(self):
        answers = [self.serve_in((7, 0), batch(0, "a")), Reply(refusal(63)),
                   self.serve_in((8, 0), batch(1, "b"))]
        self.fetch = lambda _: answers.pop(0)
        consumer = self.consumer()
        self.assertEqual(self.values(consumer.poll()), [(0, "a")])
        self.assertEqual(self.values(consumer.poll()), [(1, "b")])
        request = FetchRequest.GetRootAs(self.peer.of(Api.FETCH)[2].table)
        self.assertEqual((request.SessionId(), request.SessionEpoch()), (0, 0))

    def test_goes_on_over_another_connection_when_one_breaks(self):
        answers = [self.serve_in((7, 0), batch(0, "a")), HANG_UP,
                   self.serve_in((9, 0), batch(1, "b"))]
        self.fetch = lambda _: answers.pop(0)
        consumer = self.consumer()
        self.assertEqual(self.values(consumer.poll()), [(0, "a")])
        self.assertEqual(self.values(consumer.poll(5.0)), [(1, "b")])
        self.assertIsNone(consumer.last_error)

    def test_says_why_nothing_comes(self):
        self.fetch = lambda _: Reply(fetched([(PART._replace(partition=5), 0, 1, 0)]))
        consumer = self.consumer()
        self.assertEqual(consumer.poll(0.05), [])
        self.assertEqual(consumer.last_error.name, "protocol_violation")

    def test_tells_of_what_will_not_pass(self):
        self.fetch = lambda _: Reply(refusal(2, "a field is wrong"))
        self.assertIn("a field is wrong", str(self.fails(self.consumer(), "malformed_request")))

    def test_of_what_is_not_assigned_is_refused(self):
        consumer = self.consumer()
        for call in (consumer.position, consumer.high_watermark):
            with self.assertRaises(MillraceError) as refused:
                call("orders", 1)
            self.assertEqual(refused.exception.name, "not_assigned")

    def test_of_a_partition_twice_is_refused(self):
        with self.assertRaises(MillraceError) as refused:
            self.consumer().assign([("orders", 0, Position.start())] * 2)
        self.assertEqual(refused.exception.name, "invalid_argument")

    def test_of_a_closed_consumer_is_refused(self):
        consumer = self.consumer()
        consumer.close()
        self.fails(consumer, "closed")


class Positions(ConsumerCase):
    def test_are_found_by_asking_the_broker(self):
        for position, expected in ((Position.start(), 0), (Position.end(), 10),
                                   (Position.at(3), 3), (Position.before_end(4), 6),
                                   (Position.before_end(99), 0), (Position.at_time(5), 0)):
            with self.subTest(position):
                self.assertEqual(self.consumer(position).position("orders", 0), expected)

    def test_that_are_none_are_refused(self):
        for position in (Position.at(-1), Position.at_time(-5), Position("middle")):
            with self.subTest(position), self.assertRaises(MillraceError) as refused:
                self.consumer(position)
            self.assertEqual(refused.exception.name, "invalid_argument")
