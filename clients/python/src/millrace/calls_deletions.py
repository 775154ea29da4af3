# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Request and response of delete_records."""
from __future__ import annotations

from typing import NamedTuple

from millrace.calls_data import Part, read_rows
from millrace.errors import BrokerError
from millrace.tables import Answer, Budget, build_structs, finish, guarded, halves, new_builder
from millrace.wire import (DeleteRecordsRequest, DeleteRecordsResponse, DeletedRecords,
                           RecordDeletion)

ALL_RECORDS = -1  # All that are visible.
EXPIRED_RECORDS = -2  # What the topic's retention keeps no longer.


class Deleted(NamedTuple):
    part: Part
    error: BrokerError | None
    log_start_offset: int
    segments: int
    bytes: int


def encode_delete_records(deletions: list[tuple[Part, int]]) -> bytes:
    """Each row with the first offset that stays, ALL_RECORDS or EXPIRED_RECORDS."""
    builder = new_builder()
    partitions = build_structs(
        builder, DeleteRecordsRequest.StartPartitionsVector, RecordDeletion.CreateRecordDeletion,
        [(*halves(part.topic), part.partition, 0, before) for part, before in deletions])
    DeleteRecordsRequest.Start(builder)
    DeleteRecordsRequest.AddPartitions(builder, partitions)
    return finish(builder, DeleteRecordsRequest.End(builder))


@guarded
def decode_delete_records(answer: Answer) -> list[Deleted]:
    budget = Budget(answer.table)
    response = DeleteRecordsResponse.DeleteRecordsResponse.GetRootAs(answer.table)
    return [Deleted(part, error, row.LogStartOffset(), row.Segments(), row.Bytes())
            for part, error, row in read_rows(response, budget, DeletedRecords.DeletedRecords)]
