# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Batches that Kafka's classes wrote, and batches as bytes."""
from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from kafka_side.programs import ours
from kafka_side.stored import INDEX_INTERVAL_BYTES, scratch_folder
from kafka_side.vectors import load, write
from millrace.batch import HEAD, LENGTH_COUNTS_FROM

_BROKERS_BYTES = 16  # Base offset, length and leader epoch; the length follows from the rest.


@functools.cache
def _written() -> Path:
    folder = scratch_folder()
    vectors = write(load(), folder / "vectors.json")
    ours("WriteSegments", vectors, folder, str(INDEX_INTERVAL_BYTES))
    return folder


def kafka_folder(codec: str) -> Path:
    """One segment of all vectors, a batch each, with its indexes."""
    return _written() / f"{codec}-0"


def batches_of(log: Path) -> Iterator[bytes]:
    """Up to the zeros or the end."""
    yield from split(log.read_bytes())


def split(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + HEAD.size <= len(data):
        size = HEAD.unpack_from(data, at)[1] + LENGTH_COUNTS_FROM
        if size == LENGTH_COUNTS_FROM:
            break
        yield data[at:at + size]
        at += size


def sent_part(batch: bytes) -> bytes:
    """What its producer decides."""
    return batch[_BROKERS_BYTES:]


def as_sent(batch: bytes) -> bytes:
    """As a producer sends it: at offset 0, with no leader epoch."""
    _, length, _, magic, crc = HEAD.unpack_from(batch)
    return HEAD.pack(0, length, -1, magic, crc) + batch[HEAD.size:]
