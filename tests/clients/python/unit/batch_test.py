# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Record batches: written as Kafka defines them, read back, and refused when they are not whole."""
import random
import struct
import unittest

from millrace.batch import (BATCH_HEADER_BYTES, CONTROL, COVERED, COVERED_AT, HEAD,
                            LOG_APPEND_TIME, BatchBuilder, varint)
from millrace.batch_reader import read_batch, read_records
from millrace.crc32c import crc32c
from millrace.errors import BatchError
from millrace.types import Compression, Record

RECORDS = [
    (1000, b"key", b"value", [(b"trace", b"42"), (b"trace", None), ("größe".encode(), b"")]),
    (900, None, None, []),
    (5_000_000_000_000, b"", b"", []),
    (1000, bytes(range(256)) * 300, b"x" * 70_000, [(b"", b"\xff")]),
]


def build(codec: Compression = Compression.NONE, records=None) -> bytes:
    builder = BatchBuilder()
    for record in RECORDS if records is None else records:
        builder.add(*record)
    return builder.finish(codec)


def at_offset(batch: bytes, offset: int, leader_epoch: int = 3) -> bytes:
    """As a broker stores it."""
    return struct.pack(">q", offset) + batch[8:12] + struct.pack(">i", leader_epoch) + batch[16:]


def rewritten(batch: bytes, records: bytes | None = None, **fields: int) -> bytes:
    """With fields behind the checksum changed, and a checksum and length that fit."""
    names = ("attributes", "last_delta", "first", "largest", "producer", "epoch", "sequence",
             "count")
    values = dict(zip(names, COVERED.unpack_from(batch, COVERED_AT))) | fields
    covered = COVERED.pack(*values.values()) + (
        batch[BATCH_HEADER_BYTES:] if records is None else records)
    base, _, leader_epoch, magic, _ = HEAD.unpack_from(batch)
    return HEAD.pack(base, 9 + len(covered), leader_epoch, magic, crc32c(covered)) + covered


def read(data: bytes, from_offset: int = 0, limit: int = 1 << 20,
         check_crc: bool = True) -> list[Record]:
    batch = read_batch(memoryview(data), check_crc)
    return list(read_records(batch, "orders", 2, from_offset, limit))


class Batches(unittest.TestCase):
    def refuses(self, data: bytes, name: str = "corrupt_batch", **options) -> str:
        with self.assertRaises(BatchError) as refused:
            read(data, **options)
        self.assertEqual(refused.exception.name, name)
        return str(refused.exception)

    def test_come_back_as_they_were_written_with_every_codec(self):
        for codec in Compression:
            with self.subTest(codec.name):
                records = read(at_offset(build(codec), 70))
                self.assertEqual([record.offset for record in records], [70, 71, 72, 73])
                for record, (timestamp, key, value, headers) in zip(records, RECORDS):
                    self.assertEqual((record.topic, record.partition), ("orders", 2))
                    self.assertEqual(record.timestamp_ms, timestamp)
                    self.assertEqual((record.key, record.value), (key, value))
                    self.assertEqual(record.headers,
                                     [(name.decode(), data) for name, data in headers])

    def test_are_laid_out_as_kafka_defines_them(self):
        batch = build(records=[(1000, b"k", b"v", [(b"h", b"x")]), (1003, None, b"w", [])])
        records = bytes.fromhex("18 00 00 00 02 6b 02 76 02 02 68 02 78"
                                "0e 00 06 02 01 02 77 00".replace(" ", ""))
        covered = struct.pack(">hiqqqhii", 0, 1, 1000, 1003, -1, -1, -1, 2) + records
        expected = struct.pack(">qiibI", 0, 9 + len(covered), -1, 2, crc32c(covered)) + covered
        self.assertEqual(batch.hex(" "), expected.hex(" "))

    def test_say_how_long_they_will_be(self):
        builder = BatchBuilder()
        for record in RECORDS:
            builder.add(*record)
        size = builder.size
        self.assertEqual(len(builder.finish()), size)

    def test_begin_at_the_offset_that_was_asked_for(self):
        data = at_offset(build(), 70)
        self.assertEqual([record.offset for record in read(data, 72)], [72, 73])
        self.assertEqual(read(data, 74), [])

    def test_have_the_time_of_their_append_where_the_topic_says_so(self):
        data = rewritten(build(), attributes=LOG_APPEND_TIME, largest=1234)
        self.assertEqual({record.timestamp_ms for record in read(data)}, {1234})

    def test_of_control_records_hold_nothing_to_read(self):
        self.assertEqual(read(rewritten(build(), attributes=CONTROL)), [])

    def test_may_have_lost_records_to_compaction(self):
        one = build(records=[(1000, None, b"v", [])])
        data = at_offset(rewritten(one, last_delta=9), 50)
        self.assertEqual([record.offset for record in read(data)], [50])
        self.assertEqual(read_batch(memoryview(data)).last_offset, 59)

    def test_are_refused_when_any_byte_behind_the_checksum_flips(self):
        data = bytearray(build(records=RECORDS[:2]))
        for at in range(17, len(data)):
            data[at] ^= 0x10
            self.refuses(bytes(data))
            data[at] ^= 0x10

    def test_are_refused_when_they_end_early(self):
        data = build(records=RECORDS[:2])
        for size in range(len(data)):
            self.refuses(data[:size])

    def test_of_another_format_are_not_guessed_at(self):
        data = bytearray(build())
        data[16] = 1
        self.refuses(bytes(data), "unsupported_batch")

    def test_of_an_unknown_codec_are_not_guessed_at(self):
        self.refuses(rewritten(build(), attributes=5), "unsupported_batch")

    def test_that_promise_more_records_than_they_hold_are_refused_before_room_is_made(self):
        self.refuses(rewritten(build(), count=5, last_delta=9))
        for count in (1 << 20, 0x7FFFFFFF):
            data = rewritten(build(), count=count, last_delta=0x7FFFFFFF - 1)
            self.assertIn("cannot hold", self.refuses(data))
        self.refuses(rewritten(build(), count=-1))

    def test_that_hold_more_records_than_they_say_are_refused(self):
        self.refuses(rewritten(build(), count=3))

    def test_whose_decompressed_size_passes_the_bound_are_refused(self):
        for codec in Compression:
            if codec != Compression.NONE:
                self.assertIn("more than", self.refuses(build(codec), limit=100_000))

    def test_whose_lengths_lie_are_refused(self):
        lies = {
            "a record beyond the batch": varint(500) + b"\0\0\0\1\1\0",
            "a record shorter than its fields": varint(7) + b"\0\0\0\x06ab\0\0",
            "a negative length": varint(-5) + b"\0\0\0\1\1\0\0\0",
            "a key beyond its record": varint(7) + b"\0\0\0" + varint(90) + b"\1\0",
            "a key of length -2": varint(6) + b"\0\0\0" + varint(-2) + b"\1\0",
            "headers without bytes": varint(9) + b"\0\0\0\1\1" + varint(1 << 24) + b"",
            "a header without a name": varint(8) + b"\0\0\0\1\1" + varint(1) + b"\1\1",
            "a name that is no text": varint(9) + b"\0\0\0\1\1" + varint(1) + b"\2\xff\1",
            "a number without an end": b"\xff" * 12,
            "an offset before the batch": varint(6) + b"\0\0" + varint(-1) + b"\1\1\0",
            "an offset behind the batch": varint(6) + b"\0\0" + varint(9) + b"\1\1\0",
        }
        for what, records in lies.items():
            with self.subTest(what):
                self.refuses(rewritten(build(records=RECORDS[1:2]), records=records))

    def test_whose_fields_pass_the_end_of_their_record_are_refused_before_they_are_copied(self):
        records = varint(7) + b"\0\0\0" + varint(90) + b"\1\0"
        self.assertIn("a field does not fit",
                      self.refuses(rewritten(build(records=RECORDS[1:2]), records=records)))

    def test_with_offsets_that_do_not_ascend_are_refused(self):
        one = varint(6) + b"\0\0\0\1\1\0"
        self.refuses(rewritten(build(records=RECORDS[:2]), records=one + one))

    def test_of_noise_are_refused_and_nothing_worse(self):
        noise = random.Random(5)
        whole = [build(codec, RECORDS[:3]) for codec in Compression]
        for number in range(1500):
            data = bytearray(whole[number % len(whole)])
            for _ in range(noise.randrange(1, 6)):
                data[noise.randrange(12, len(data))] = noise.randrange(256)
            try:
                read(bytes(data), check_crc=False)
            except BatchError:
                pass


class Varints(unittest.TestCase):
    def test_are_zigzag_with_seven_bits_a_byte(self):
        for value, expected in ((0, "00"), (-1, "01"), (1, "02"), (63, "7e"), (64, "8001"),
                                (-64, "7f"), (-65, "8101"), (300, "d804"),
                                ((1 << 63) - 1, "feffffffffffffffff01"),
                                (-(1 << 63), "ffffffffffffffffff01")):
            self.assertEqual(varint(value).hex(), expected, value)
