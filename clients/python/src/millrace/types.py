# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Values that go in and out of the client: records, places in a partition, acknowledgements."""
from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from millrace.errors import invalid_argument

NO_UUID = UUID(int=0)
Bytes = bytes | bytearray | memoryview | str


class Compression(IntEnum):
    """How a producer compresses a batch. Readers need not know: batches say it."""
    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


class Acks(IntEnum):
    """Which replicas must have a batch before it is acknowledged."""
    NONE = 0  # Nothing is answered: a record may be lost without anybody hearing of it.
    ONE = 1   # The leader.
    ALL = -1  # Every in-sync replica.


class Durability(IntEnum):
    """What an acknowledgement waits for: stronger than the topic's own class, or ignored."""
    TOPIC = 0    # What the topic says; a new topic says synced.
    MEMORY = 1   # Survives nothing.
    WRITTEN = 2  # Survives a crash of the broker.
    SYNCED = 3   # Survives loss of power.


class TopicPartition(NamedTuple):
    topic: str
    partition: int


class Position(NamedTuple):
    """A place in a partition. Made by the functions below."""
    kind: str = "start"
    value: int = 0

    @staticmethod
    def start() -> Position:
        """The first record that can still be read."""
        return Position()

    @staticmethod
    def end() -> Position:
        """Behind the last visible record."""
        return Position("end")

    @staticmethod
    def at(offset: int) -> Position:
        return Position("offset", offset)

    @staticmethod
    def before_end(count: int) -> Position:
        """`count` offsets before the end, or the start when there are fewer."""
        return Position("before_end", count)

    @staticmethod
    def at_time(timestamp_ms: int) -> Position:
        """The first record at or after this time; the end when there is none."""
        return Position("time", timestamp_ms)


Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was read. Owns its bytes."""
    topic: str
    partition: int
    offset: int
    timestamp_ms: int  # -1: none.
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecord:
    """A record to be stored together with others. Text is sent as UTF-8."""
    value: Bytes | None = None
    key: Bytes | None = None
    timestamp_ms: int | None = None  # None: now.
    headers: tuple[tuple[str, Bytes | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Ack:
    """A record is stored. Offset is -1 with Acks.NONE."""
    topic: str
    partition: int
    offset: int
    timestamp_ms: int  # What the broker stored: the record's, or its append time.


def to_bytes(value: Bytes | None, what: str) -> bytes | None:
    """A copy that nobody changes any more; text as UTF-8."""
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    raise invalid_argument(f"{what} must be bytes, text or None, not {type(value).__name__}")
