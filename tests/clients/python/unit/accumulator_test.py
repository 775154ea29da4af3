# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Batches are closed by size and time, and go out in order. Time is a number here."""
import unittest

from millrace.accumulator import Accumulator
from millrace.batch_reader import read_batch
from millrace.types import Compression, TopicPartition

A = TopicPartition("orders", 0)
B = TopicPartition("orders", 1)
LARGE = 1 << 20


class Accumulating(unittest.TestCase):
    def setUp(self):
        self.accumulator = Accumulator(batch_bytes=1000, linger=5.0, delivery_timeout=60.0)

    def add(self, place, now=0.0, size=100):
        return self.accumulator.append(place, now, 1, None, b"x" * size, (), size)

    def test_waits_for_its_linger_and_no_longer(self):
        self.add(A, now=10.0)
        self.add(A, now=12.0)
        self.assertEqual(self.accumulator.take(14.9, LARGE), [])
        self.assertEqual(self.accumulator.next_time(), 15.0)
        (batch,) = self.accumulator.take(15.0, LARGE)
        self.assertEqual(len(batch.futures), 2)
        self.assertFalse(self.accumulator)

    def test_does_not_wait_with_a_batch_that_is_full(self):
        closed = [self.add(A)[1] for _ in range(10)]
        self.assertEqual(closed.count(True), 1)
        (batch,) = self.accumulator.take(0.0, LARGE)
        self.assertLessEqual(batch.builder.size, 1100)
        self.assertEqual(self.accumulator.take(0.0, LARGE), [])

    def test_gives_a_record_larger_than_a_batch_one_of_its_own(self):
        self.add(A)
        self.add(A, size=5000)
        self.add(A)
        sizes = [len(batch.futures) for batch in self.accumulator]
        self.assertEqual(sizes, [1, 1, 1])

    def test_takes_one_batch_of_each_partition_in_the_order_of_its_records(self):
        for _ in range(20):
            self.add(A)
            self.add(B)
        first = self.accumulator.take(0.0, LARGE)
        self.assertEqual([batch.place for batch in first], [A, B])
        second = self.accumulator.take(100.0, LARGE)
        self.assertEqual([batch.place for batch in second], [A, B])
        self.assertIsNot(first[0], second[0])

    def test_puts_no_more_into_a_request_than_goes_in_and_starves_nobody(self):
        self.add(A, size=900)
        self.add(B, size=900)
        self.assertEqual([batch.place for batch in self.accumulator.take(9.0, 1000)], [A])
        self.add(A, size=900)
        self.assertEqual([batch.place for batch in self.accumulator.take(99.0, 1000)], [B])

    def test_lets_nothing_overtake_a_batch_that_was_put_back(self):
        for _ in range(20):
            self.add(A)
        (batch,) = self.accumulator.take(0.0, LARGE)
        batch.not_before = 50.0
        self.accumulator.put_back(batch)
        self.assertEqual(self.accumulator.take(49.0, LARGE), [])
        self.assertEqual(self.accumulator.take(50.0, LARGE), [batch])

    def test_gives_up_what_is_too_old(self):
        self.add(A, now=0.0)
        self.add(B, now=30.0)
        self.assertEqual(self.accumulator.take_expired(59.9), [])
        (batch,) = self.accumulator.take_expired(60.0)
        self.assertEqual(batch.place, A)
        self.assertEqual([batch.place for batch in self.accumulator], [B])

    def test_sends_the_same_bytes_at_every_try(self):
        self.add(A)
        (batch,) = self.accumulator.take(9.0, LARGE)
        data = batch.encoded(Compression.GZIP)
        self.assertIs(batch.encoded(Compression.GZIP), data)
        self.assertEqual(read_batch(memoryview(data)).records, 1)

    def test_lets_nobody_cancel_a_record_that_is_on_its_way(self):
        future, _ = self.add(A)
        self.assertFalse(future.cancel())
