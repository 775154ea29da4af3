# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Response tables are foreign data: whatever they hold, a reader gets rows or an error."""
import random
import unittest

from support.peer import TOPIC_ID
from support.replies import PART, fetched, listed, metadata, produced, refusal

from millrace.calls_cluster import decode_describe_cluster, decode_describe_configs
from millrace.calls_data import decode_fetch, decode_list_offsets, decode_produce
from millrace.calls_topics import (decode_create_topics, decode_metadata, encode_create_topics,
                                   encode_delete_topics, encode_metadata)
from millrace.errors import BrokerError, ConnectionFailed, MillraceError
from millrace.tables import Answer, Budget, check_head


def answer(table: bytes, payload: bytes = b"") -> Answer:
    return Answer(table, memoryview(payload))


class Responses(unittest.TestCase):
    def violates(self, decode, table: bytes, payload: bytes = b"") -> None:
        with self.assertRaises(ConnectionFailed) as refused:
            decode(answer(table, payload))
        self.assertEqual(refused.exception.name, "protocol_violation")

    def test_are_read_as_a_head_first(self):
        check_head(metadata(), "metadata")
        with self.assertRaises(BrokerError) as refused:
            check_head(refusal(7, "later"), "metadata")
        self.assertEqual((refused.exception.name, refused.exception.retryable),
                         ("throttled", True))
        self.assertIn("metadata: later", str(refused.exception))

    def test_with_an_error_of_a_later_broker_are_unknown_server_error(self):
        with self.assertRaises(BrokerError) as refused:
            check_head(refusal(999), "metadata")
        self.assertEqual((refused.exception.name, refused.exception.number),
                         ("unknown_server_error", 999))
        self.assertFalse(refused.exception.retryable)

    def test_bring_their_rows(self):
        (topic,) = decode_metadata(answer(metadata("orders", 3)))
        self.assertEqual((topic.name, topic.id, len(topic.partitions)), ("orders", TOPIC_ID, 3))
        (row,) = decode_produce(answer(produced(42, append_time=7)))
        self.assertEqual((row.part, row.base_offset, row.append_time), (PART, 42, 7))
        (row,) = decode_list_offsets(answer(listed(5, 1, 9)))
        self.assertEqual((row.offset, row.log_start_offset, row.high_watermark), (5, 1, 9))

    def test_name_a_rows_error_with_the_brokers_words(self):
        (row,) = decode_produce(answer(produced(error=42, message="one byte too long")))
        self.assertEqual(row.error.name, "message_too_large")
        self.assertIn("one byte too long", str(row.error))

    def test_share_the_payload_out_to_their_rows(self):
        other = PART._replace(partition=1)
        read = decode_fetch(answer(fetched([(other, 0, 9, 3), (PART, 0, 9, 2)]), b"abcde\0\0\0"))
        self.assertEqual([bytes(row.payload) for row in read.rows], [b"abc", b"de"])

    def test_whose_rows_ask_for_more_payload_than_there_is_are_refused(self):
        self.violates(decode_fetch, fetched([(PART, 0, 9, 9)]), bytes(8))
        self.violates(decode_fetch, fetched([(PART, 0, 9, 0xFFFFFFFF)]), bytes(8))

    def test_with_payload_of_no_row_are_refused(self):
        self.violates(decode_fetch, fetched([(PART, 0, 9, 1)]), bytes(16))

    def test_that_end_early_are_refused_or_shorter(self):
        for table, decode in self.all_kinds():
            for size in range(0, len(table), 4):
                try:
                    decode(answer(table[:size]))
                except ConnectionFailed as refused:
                    self.assertEqual(refused.name, "protocol_violation")

    def test_of_noise_are_refused_and_nothing_worse(self):
        noise = random.Random(6)
        for _ in range(40):
            for table, decode in self.all_kinds():
                data = bytearray(table)
                for _ in range(noise.randrange(1, 5)):
                    data[noise.randrange(len(data))] = noise.choice((0, 1, 4, 127, 128, 255))
                try:
                    decode(answer(bytes(data)))
                except ConnectionFailed as refused:
                    self.assertEqual(refused.name, "protocol_violation")

    def test_that_say_one_part_over_and_over_are_refused(self):
        # 2,000 topics that share one table of 10,000 partitions: small to send, large to read.
        self.violates(decode_metadata, metadata("orders", 10_000, rows=2_000))

    def test_with_vectors_larger_than_themselves_are_refused_before_a_row_is_made(self):
        def never(_: int) -> None:
            self.fail("a row was made")

        for count in (10, 1 << 31):
            with self.assertRaises(ConnectionFailed):
                list(Budget(bytes(64)).structs(count, 16, never))
            with self.assertRaises(ConnectionFailed):
                list(Budget(bytes(64)).tables(7 * count, never))

    @staticmethod
    def all_kinds():
        return [(metadata("orders", 2), decode_metadata), (produced(3, 42, message="no"),
                                                           decode_produce),
                (fetched([(PART, 0, 9, 0)], (5, 1)), decode_fetch),
                (listed(), decode_list_offsets), (metadata(), decode_describe_configs),
                (metadata(), decode_create_topics), (metadata(), decode_describe_cluster)]


class Requests(unittest.TestCase):
    def test_are_multiples_of_eight(self):
        for length in range(1, 20):
            for table in (encode_metadata(["x" * length]), encode_delete_topics(["x" * length], 1),
                          encode_create_topics([("x" * length, 1, {"k": "v" * length})], True, 1)):
                self.assertEqual(len(table) % 8, 0)

    def test_that_are_too_large_for_a_table_are_refused(self):
        with self.assertRaises(MillraceError) as refused:
            encode_metadata(["x" * 249] * 5000)
        self.assertEqual(refused.exception.name, "request_too_large")
