# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""From a place in a partition (the start, a time, ...) to an offset, by asking the broker."""
from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from millrace.calls_data import (TIME_END, TIME_START, Listed, Part, decode_list_offsets,
                                 encode_list_offsets)
from millrace.client import Client
from millrace.errors import invalid_argument, protocol_violation
from millrace.frame import Api
from millrace.tables import Answer
from millrace.types import Position, TopicPartition


class Place(NamedTuple):
    where: TopicPartition
    part: Part
    offset: int
    timestamp_ms: int  # Of the record that a time found, else -1.


def list_offsets(client: Client, queries: list[tuple[Part, int]]) -> list[Listed]:
    """One row for each query, in order; each may hold an error of its own."""
    def decode(answer: Answer) -> list[Listed]:
        rows = decode_list_offsets(answer)
        if [row.part for row in rows] != [part for part, _ in queries]:
            raise protocol_violation("offsets are not of the partitions that were asked for")
        return rows

    return client.call(Api.LIST_OFFSETS, encode_list_offsets(queries), decode)


def part_of(client: Client, where: TopicPartition) -> Part:
    """Errors: unknown_topic. A partition that is not there is the broker's to refuse."""
    if not 0 <= where.partition < 1 << 32:
        raise invalid_argument(f"{where.partition} is not the number of a partition")
    return Part(client.topic(where.topic).id, where.partition)


def find_places(client: Client,
                wanted: Sequence[tuple[TopicPartition, Position]]) -> list[Place]:
    """One place for each, in order. Errors: unknown_topic, unknown_partition, invalid_argument;
    the first that is met."""
    parts = [part_of(client, where) for where, _ in wanted]
    queries = [(part, _timestamp(position)) for part, (_, position) in zip(parts, wanted)]
    rows = list_offsets(client, queries) if queries else []
    places = []
    for row, (where, position) in zip(rows, wanted):
        if row.error is not None:
            if row.error.name in ("unknown_topic", "topic_deleted"):
                client.forget_topic(where.topic)
            raise row.error
        found = row.offset if position.kind == "time" and row.offset >= 0 else None
        places.append(Place(where, row.part, _offset(position, row),
                            row.timestamp if found is not None else -1))
    return places


def _timestamp(position: Position) -> int:
    if position.kind == "time":
        if not 0 <= position.value < 1 << 63:
            raise invalid_argument("a time is milliseconds since 1970, not below 0")
        return position.value
    return TIME_START if position.kind == "start" else TIME_END


def _offset(position: Position, row: Listed) -> int:
    if position.kind == "start":
        return row.log_start_offset
    if position.kind == "end":
        return row.high_watermark
    if position.kind == "before_end":
        return max(row.log_start_offset, row.high_watermark - position.value)
    if position.kind == "time":
        return row.offset if row.offset >= 0 else row.high_watermark
    if position.kind == "offset" and 0 <= position.value < 1 << 63:
        return position.value
    raise invalid_argument(f"{position.kind} {position.value} is not a position")
