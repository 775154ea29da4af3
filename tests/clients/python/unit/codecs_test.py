# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Every codec, both ways, and bounded."""
import os
import random
import struct
import unittest
from unittest import mock

import lz4.frame
import snappy
import zstandard

from millrace.codecs import compress, decompress, require
from millrace.crc32c import crc32c, crc32c_python
from millrace.errors import MillraceError
from millrace.types import Compression

PACKED = [codec for codec in Compression if codec != Compression.NONE]
DATA = b"the quick brown fox " * 5000 + os.urandom(1000)


def unpack(codec: Compression, data: bytes, limit: int = 1 << 20) -> bytes:
    return decompress(codec, memoryview(data), limit)


class Codecs(unittest.TestCase):
    def refuses(self, codec: Compression, data: bytes, limit: int = 1 << 20) -> str:
        with self.assertRaises(MillraceError) as refused:
            unpack(codec, data, limit)
        self.assertEqual(refused.exception.name, "corrupt_batch")
        return str(refused.exception)

    def test_give_back_what_was_put_in(self):
        for codec in Compression:
            for data in (b"", b"x", DATA):
                with self.subTest(codec.name, size=len(data)):
                    self.assertEqual(unpack(codec, compress(codec, data)), data)

    def test_make_it_smaller(self):
        for codec in PACKED:
            self.assertLess(len(compress(codec, DATA)), len(DATA) // 2, codec.name)

    def test_stop_at_the_bound_and_not_below_it(self):
        for codec in PACKED:
            with self.subTest(codec.name):
                packed = compress(codec, DATA)
                self.assertEqual(unpack(codec, packed, len(DATA)), DATA)
                self.assertIn("more than", self.refuses(codec, packed, len(DATA) - 1))

    def test_never_make_what_a_bomb_promises(self):
        bomb = bytes(64 << 20)
        for codec in PACKED:
            with self.subTest(codec.name):
                self.refuses(codec, compress(codec, bomb), 1 << 16)

    def test_refuse_data_that_ends_early(self):
        for codec in (Compression.GZIP, Compression.SNAPPY, Compression.LZ4):
            packed = compress(codec, DATA)
            for size in (1, 9, 30, len(packed) // 2, len(packed) - 1):
                with self.subTest(codec.name, size=size):
                    self.refuses(codec, packed[:size])

    def test_never_take_zstandard_data_that_ends_early_for_whole(self):
        packed = compress(Compression.ZSTD, DATA)
        for size in (1, 9, len(packed) // 2, len(packed) - 1):
            try:
                self.assertNotEqual(unpack(Compression.ZSTD, packed[:size]), DATA)
            except MillraceError as refused:
                self.assertEqual(refused.name, "corrupt_batch")

    def test_refuse_noise(self):
        noise = random.Random(3)
        for codec in PACKED:
            for _ in range(50):
                with self.subTest(codec.name):
                    self.refuses(codec, b"\xfe" + noise.randbytes(noise.randrange(1, 200)))

    def test_read_snappy_without_kafkas_blocks(self):
        self.assertEqual(unpack(Compression.SNAPPY, snappy.compress(DATA)), DATA)

    def test_write_snappy_in_kafkas_blocks(self):
        packed = compress(Compression.SNAPPY, DATA)
        self.assertEqual(packed[:16], b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1))
        (size,) = struct.unpack_from(">i", packed, 16)
        self.assertEqual(snappy.uncompress(packed[20:20 + size]), DATA[:32 * 1024])

    def test_refuse_a_snappy_block_that_is_longer_than_the_batch(self):
        self.refuses(Compression.SNAPPY, b"\x82SNAPPY\0" + struct.pack(">iiI", 1, 1, 0xFFFFFFFF))

    def test_write_lz4_blocks_that_stand_alone(self):
        info = lz4.frame.get_frame_info(compress(Compression.LZ4, DATA))
        self.assertFalse(info["block_linked"])

    def test_read_lz4_frames_of_other_makers(self):
        packed = lz4.frame.compress(DATA, block_linked=True, store_size=True,
                                    content_checksum=True)
        self.assertEqual(unpack(Compression.LZ4, packed), DATA)

    def test_read_frames_end_to_end(self):
        for codec in (Compression.GZIP, Compression.LZ4, Compression.ZSTD):
            with self.subTest(codec.name):
                packed = compress(codec, DATA[:70_000]) + compress(codec, DATA[70_000:])
                self.assertEqual(unpack(codec, packed), DATA)

    def test_read_zstandard_without_a_size(self):
        packed = zstandard.ZstdCompressor(write_content_size=False).compress(DATA)
        self.assertEqual(unpack(Compression.ZSTD, packed), DATA)

    def test_refuse_gzip_whose_checksum_is_wrong(self):
        packed = bytearray(compress(Compression.GZIP, DATA))
        packed[-5] ^= 1
        self.refuses(Compression.GZIP, bytes(packed))

    def test_name_the_package_of_a_module_that_is_missing(self):
        for codec, package in ((Compression.SNAPPY, "python3-snappy"),
                               (Compression.LZ4, "python3-lz4"),
                               (Compression.ZSTD, "python3-zstandard")):
            with self.subTest(codec.name), mock.patch("importlib.import_module",
                                                      side_effect=ImportError):
                with self.assertRaises(MillraceError) as refused:
                    require(codec)
                self.assertEqual(refused.exception.name, "codec_missing")
                self.assertIn(package, str(refused.exception))


class Crc32c(unittest.TestCase):
    def test_is_castagnolis(self):
        self.assertEqual(crc32c(b"123456789"), 0xE3069283)
        self.assertEqual(crc32c_python(b"123456789"), 0xE3069283)

    def test_is_the_same_without_the_module(self):
        noise = random.Random(4)
        for size in (0, 1, 7, 8, 255, 4096):
            data = noise.randbytes(size)
            self.assertEqual(crc32c_python(data), crc32c(memoryview(data)))
