# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Request and response of compact_records."""
from __future__ import annotations

from typing import NamedTuple

from millrace.calls_data import Part, read_rows
from millrace.errors import BrokerError
from millrace.tables import Answer, Budget, build_structs, finish, guarded, halves, new_builder
from millrace.wire import (CompactedRecords, CompactRecordsRequest, CompactRecordsResponse,
                           RecordCompaction)


class Compacted(NamedTuple):
    part: Part
    error: BrokerError | None
    ticket: int
    finished: bool
    segments: tuple[int, int]  # Before and after, as the next two.
    records: tuple[int, int]
    bytes: tuple[int, int]


def encode_compact_records(compactions: list[tuple[Part, int]]) -> bytes:
    """Each row with its ticket, 0 to begin."""
    builder = new_builder()
    partitions = build_structs(
        builder, CompactRecordsRequest.StartPartitionsVector,
        RecordCompaction.CreateRecordCompaction,
        [(*halves(part.topic), part.partition, 0, ticket) for part, ticket in compactions])
    CompactRecordsRequest.Start(builder)
    CompactRecordsRequest.AddPartitions(builder, partitions)
    return finish(builder, CompactRecordsRequest.End(builder))


@guarded
def decode_compact_records(answer: Answer) -> list[Compacted]:
    budget = Budget(answer.table)
    response = CompactRecordsResponse.CompactRecordsResponse.GetRootAs(answer.table)
    return [Compacted(part, error, row.Ticket(), row.Finished() != 0,
                      (row.SegmentsBefore(), row.SegmentsAfter()),
                      (row.RecordsBefore(), row.RecordsAfter()),
                      (row.BytesBefore(), row.BytesAfter()))
            for part, error, row in read_rows(response, budget, CompactedRecords.CompactedRecords)]
