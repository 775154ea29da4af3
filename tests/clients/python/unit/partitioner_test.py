# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Keys meet in the partition where every other client puts them."""
import os
import random
import unittest
from pathlib import Path

from millrace.partitioner import StickyPartitions, murmur2, partition_of_key

SCHEMAS = Path(os.environ["MILLRACE_TEST_SCHEMAS"])


def vectors() -> list[tuple[bytes, int]]:
    lines = (SCHEMAS / "murmur2_vectors.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return [(key.encode(), int(hashed) & 0xFFFFFFFF) for key, hashed in rows]


class Partitioner(unittest.TestCase):
    def test_hashes_every_key_of_the_list_as_kafka_does(self):
        self.assertGreaterEqual(len(vectors()), 6)
        for key, hashed in vectors():
            with self.subTest(key):
                self.assertEqual(murmur2(key), hashed)

    def test_takes_the_hash_without_its_sign(self):
        for key, hashed in vectors():
            for partitions in (1, 3, 50_000):
                self.assertEqual(partition_of_key(key, partitions),
                                 (hashed & 0x7FFFFFFF) % partitions)

    def test_an_empty_key_is_a_key(self):
        self.assertEqual(partition_of_key(b"", 7), (murmur2(b"") & 0x7FFFFFFF) % 7)

    def test_records_without_a_key_stay_together_until_a_batch_is_closed(self):
        sticky = StickyPartitions(random.Random(1))
        first = sticky.choose("orders", 5)
        self.assertEqual({sticky.choose("orders", 5) for _ in range(50)}, {first})
        sticky.batch_closed("orders", first, 5)
        self.assertNotEqual(sticky.choose("orders", 5), first)

    def test_every_partition_gets_records_without_a_key(self):
        sticky = StickyPartitions(random.Random(2))
        seen = set()
        for _ in range(200):
            chosen = sticky.choose("orders", 4)
            seen.add(chosen)
            sticky.batch_closed("orders", chosen, 4)
        self.assertEqual(seen, {0, 1, 2, 3})

    def test_a_topic_with_one_partition_has_no_other(self):
        sticky = StickyPartitions()
        sticky.batch_closed("orders", sticky.choose("orders", 1), 1)
        self.assertEqual(sticky.choose("orders", 1), 0)
