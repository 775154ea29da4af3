# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""What an Admin is told: topics, settings, offsets, the cluster."""
from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from millrace.errors import BrokerError


@dataclass(frozen=True, slots=True)
class TopicOutcome:
    """What became of one topic of a call that names several. No error: done, and durable."""
    name: str
    id: UUID
    partitions: int
    error: BrokerError | None


@dataclass(frozen=True, slots=True)
class PartitionDescription:
    partition: int
    leader: int  # Number of a broker; -1: none.
    leader_epoch: int


@dataclass(frozen=True, slots=True)
class TopicDescription:
    name: str
    id: UUID
    partitions: list[PartitionDescription]  # In order of their numbers.
    error: BrokerError | None = None


@dataclass(frozen=True, slots=True)
class PartitionOffsets:
    partition: int
    start_offset: int  # First still readable.
    end_offset: int    # One past the last visible record.
    size_bytes: int


@dataclass(frozen=True, slots=True)
class DeletionOutcome:
    """What became of one partition of a call that deletes records. No error: done, and durable."""
    topic: str
    partition: int
    start_offset: int  # First still readable.
    segments: int      # Whole ones that this took from the partition.
    bytes: int         # Of those.
    error: BrokerError | None


@dataclass(frozen=True, slots=True)
class CompactionOutcome:
    """What compaction made of the segments of one partition that it went over: before, after."""
    topic: str
    partition: int
    finished: bool  # Else it goes on, and the rest is not known yet.
    segments: tuple[int, int]
    records: tuple[int, int]
    bytes: tuple[int, int]
    error: BrokerError | None


class ConfigSource(IntEnum):
    DEFAULT_VALUE = 0
    TOPIC = 1
    BROKER_FILE = 2
    ENVIRONMENT = 3
    COMMAND_LINE = 4


@dataclass(frozen=True, slots=True)
class ConfigEntry:
    key: str
    value: str
    source: ConfigSource
    default_value: str
    read_only: bool
    documentation: str


@dataclass(frozen=True, slots=True)
class BrokerDescription:
    id: int
    host: str  # Empty: the Unix socket that was dialled.
    port: int
    version: str


@dataclass(frozen=True, slots=True)
class ClusterDescription:
    id: UUID
    controller: int
    brokers: list[BrokerDescription]
    io: str
    shards: int
    topics: int
    partitions: int
