# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Requests and responses of produce, fetch and list_offsets."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from millrace.errors import BrokerError, protocol_violation
from millrace.tables import (Answer, Budget, build_longs, build_structs, finish, guarded, halves, new_builder,
                             read_messages, row_error, uuid_of)
from millrace.wire import (FetchPartition, FetchRequest, FetchResponse, FetchedPartition,
                           ListOffsetsRequest, ListOffsetsResponse, ListedOffset, OffsetQuery,
                           PartitionRef, ProducePartition, ProduceRequest, ProduceResponse,
                           ProducedPartition)

TIME_END = -1
TIME_START = -2


class Part(NamedTuple):
    """A partition as data calls name it."""
    topic: UUID
    partition: int

    def __str__(self) -> str:
        return f"partition {self.partition} of topic {self.topic}"


class Produced(NamedTuple):
    part: Part
    error: BrokerError | None
    base_offset: int
    append_time: int


class FetchFrom(NamedTuple):
    """What a fetch says of a partition; equal values need not be said again in a session."""
    part: Part
    offset: int
    leader_epoch: int
    bytes_max: int


class Fetched(NamedTuple):
    part: Part
    error: BrokerError | None
    high_watermark: int
    log_start_offset: int
    diverging_end_offset: int
    payload: memoryview


class FetchAnswer(NamedTuple):
    session_id: int
    session_epoch: int
    rows: list[Fetched]


class Listed(NamedTuple):
    part: Part
    error: BrokerError | None
    offset: int
    timestamp: int
    log_start_offset: int
    high_watermark: int
    size_bytes: int


def encode_produce(acks: int, durability: int, timeout_ms: int,
                   rows: list[tuple[Part, int]], expected: list[int] | None = None) -> bytes:
    """Each row with the bytes of its batches; `expected`: where its partition must end."""
    builder = new_builder()
    offsets = None
    if expected is not None:
        offsets = build_longs(builder, ProduceRequest.StartExpectedOffsetsVector, expected)
    structs = [(*halves(part.topic), part.partition, size) for part, size in rows]
    partitions = build_structs(builder, ProduceRequest.StartPartitionsVector,
                               ProducePartition.CreateProducePartition, structs)
    ProduceRequest.Start(builder)
    ProduceRequest.AddAcks(builder, acks)
    ProduceRequest.AddDurability(builder, durability)
    ProduceRequest.AddTimeoutMs(builder, timeout_ms)
    ProduceRequest.AddPartitions(builder, partitions)
    if offsets is not None:
        ProduceRequest.AddExpectedOffsets(builder, offsets)
    return finish(builder, ProduceRequest.End(builder))


@guarded
def decode_produce(answer: Answer) -> list[Produced]:
    budget = Budget(answer.table)
    response = ProduceResponse.ProduceResponse.GetRootAs(answer.table)
    return [Produced(part, error, row.BaseOffset(), row.AppendTime())
            for part, error, row in read_rows(response, budget, ProducedPartition.ProducedPartition)]


def encode_fetch(session_id: int, session_epoch: int, wait_max_ms: int, bytes_min: int,
                 bytes_max: int, partitions: list[FetchFrom], forgotten: list[Part]) -> bytes:
    builder = new_builder()
    named = build_structs(
        builder, FetchRequest.StartPartitionsVector, FetchPartition.CreateFetchPartition,
        [(*halves(row.part.topic), row.part.partition, row.leader_epoch, row.offset,
          row.bytes_max, 0) for row in partitions])
    left = build_structs(
        builder, FetchRequest.StartForgottenVector, PartitionRef.CreatePartitionRef,
        [(*halves(part.topic), part.partition, 0) for part in forgotten])
    FetchRequest.Start(builder)
    FetchRequest.AddSessionId(builder, session_id)
    FetchRequest.AddSessionEpoch(builder, session_epoch)
    FetchRequest.AddWaitMaxMs(builder, wait_max_ms)
    FetchRequest.AddBytesMin(builder, bytes_min)
    FetchRequest.AddBytesMax(builder, bytes_max)
    FetchRequest.AddPartitions(builder, named)
    FetchRequest.AddForgotten(builder, left)
    return finish(builder, FetchRequest.End(builder))


@guarded
def decode_fetch(answer: Answer) -> FetchAnswer:
    """The rows' payloads borrow from the answer."""
    budget = Budget(answer.table)
    response = FetchResponse.FetchResponse.GetRootAs(answer.table)
    answers = []
    at = 0
    for part, error, row in read_rows(response, budget, FetchedPartition.FetchedPartition):
        end = at + row.PayloadBytes()
        if end > len(answer.payload):
            raise protocol_violation("a fetched partition is larger than the frame")
        answers.append(Fetched(part, error, row.HighWatermark(), row.LogStartOffset(),
                               row.DivergingEndOffset(), answer.payload[at:end]))
        at = end
    if len(answer.payload) - at >= 8:
        raise protocol_violation("a response's payload belongs to none of its rows")
    return FetchAnswer(response.SessionId(), response.SessionEpoch(), answers)


def encode_list_offsets(queries: list[tuple[Part, int]]) -> bytes:
    """Each row with its timestamp, TIME_END or TIME_START."""
    builder = new_builder()
    partitions = build_structs(
        builder, ListOffsetsRequest.StartPartitionsVector, OffsetQuery.CreateOffsetQuery,
        [(*halves(part.topic), part.partition, -1, timestamp) for part, timestamp in queries])
    ListOffsetsRequest.Start(builder)
    ListOffsetsRequest.AddPartitions(builder, partitions)
    return finish(builder, ListOffsetsRequest.End(builder))


@guarded
def decode_list_offsets(answer: Answer) -> list[Listed]:
    budget = Budget(answer.table)
    response = ListOffsetsResponse.ListOffsetsResponse.GetRootAs(answer.table)
    return [Listed(part, error, row.Offset(), row.Timestamp(), row.LogStartOffset(),
                   row.HighWatermark(), row.SizeBytes())
            for part, error, row in read_rows(response, budget, ListedOffset.ListedOffset)]


def read_rows(response: Any, budget: Budget,
              kind: Any) -> Iterator[tuple[Part, BrokerError | None, Any]]:
    """The partitions of a response, each with its error and its struct."""
    messages = read_messages(response, budget)
    rows = budget.structs(response.PartitionsLength(), kind.SizeOf(), response.Partitions)
    for index, row in enumerate(rows):
        part = Part(uuid_of(row), row.Partition())
        yield part, row_error(row.Error(), messages.get(index, ""), str(part)), row
