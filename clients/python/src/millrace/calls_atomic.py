# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Request and response of append_atomic."""
from __future__ import annotations

from millrace.calls_data import Part, Produced
from millrace.errors import protocol_violation
from millrace.tables import (Answer, Budget, build_longs, build_structs, finish, guarded, halves,
                             new_builder, uuid_of)
from millrace.wire import (AppendAtomicRequest, AppendAtomicResponse, ProducePartition,
                           ProducedPartition)


def encode_append_atomic(timeout_ms: int, rows: list[tuple[Part, int]],
                         expected: list[int] | None = None) -> bytes:
    """Each row with the bytes of its batches; `expected`: where its partition must end."""
    builder = new_builder()
    offsets = None
    if expected is not None:
        offsets = build_longs(builder, AppendAtomicRequest.StartExpectedOffsetsVector, expected)
    structs = [(*halves(part.topic), part.partition, size) for part, size in rows]
    partitions = build_structs(builder, AppendAtomicRequest.StartPartitionsVector,
                               ProducePartition.CreateProducePartition, structs)
    AppendAtomicRequest.Start(builder)
    AppendAtomicRequest.AddTimeoutMs(builder, timeout_ms)
    AppendAtomicRequest.AddPartitions(builder, partitions)
    if offsets is not None:
        AppendAtomicRequest.AddExpectedOffsets(builder, offsets)
    return finish(builder, AppendAtomicRequest.End(builder))


@guarded
def decode_append_atomic(answer: Answer) -> list[Produced]:
    budget = Budget(answer.table)
    response = AppendAtomicResponse.AppendAtomicResponse.GetRootAs(answer.table)
    rows = budget.structs(response.PartitionsLength(),
                          ProducedPartition.ProducedPartition.SizeOf(), response.Partitions)
    produced = []
    for row in rows:
        if row.Error() or row.BaseOffset() < 0:
            raise protocol_violation("a part of an atomic append was refused by itself")
        produced.append(Produced(Part(uuid_of(row), row.Partition()), None, row.BaseOffset(),
                                 row.AppendTime()))
    return produced
