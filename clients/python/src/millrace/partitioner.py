# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Which partition a record goes to: the same for a key as with every other client."""
from __future__ import annotations

import random
import struct

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """32-bit MurmurHash2 with Kafka's seed, as an unsigned number."""
    length = len(key)
    value = _SEED ^ length
    whole = length & ~3
    for (word,) in struct.iter_unpack("<I", key[:whole]):
        word = word * _MULTIPLIER & _MASK
        word ^= word >> 24
        word = word * _MULTIPLIER & _MASK
        value = (value * _MULTIPLIER & _MASK) ^ word
    if length > whole:
        value ^= int.from_bytes(key[whole:], "little")
        value = value * _MULTIPLIER & _MASK
    value ^= value >> 13
    value = value * _MULTIPLIER & _MASK
    return value ^ (value >> 15)


def partition_of_key(key: bytes, partitions: int) -> int:
    return (murmur2(key) & 0x7FFFFFFF) % partitions


class StickyPartitions:
    """Where records without a key go: to one partition until its batch is closed, then to
    another, so that batches get full. Not for two threads at a time."""

    def __init__(self, generator: random.Random | None = None):
        self._random = generator or random.Random()
        self._chosen: dict[str, int] = {}

    def choose(self, topic: str, partitions: int) -> int:
        chosen = self._chosen.get(topic)
        if chosen is None or chosen >= partitions:
            chosen = self._chosen[topic] = self._random.randrange(partitions)
        return chosen

    def batch_closed(self, topic: str, partition: int, partitions: int) -> None:
        """The next record of the topic goes elsewhere, if there is an elsewhere."""
        if self._chosen.get(topic) == partition and partitions > 1:
            step = self._random.randrange(1, partitions)
            self._chosen[topic] = (partition + step) % partitions
