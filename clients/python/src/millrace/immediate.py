# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Appends that are answered on the spot: conditional ones, and atomic ones."""
from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from millrace.batch import BatchBuilder
from millrace.calls_atomic import decode_append_atomic, encode_append_atomic
from millrace.calls_data import Part, Produced, decode_produce, encode_produce
from millrace.client import Client
from millrace.errors import invalid_argument, protocol_violation
from millrace.frame import Api
from millrace.tables import Answer
from millrace.timing import Deadline
from millrace.types import Ack, Bytes, NewRecord, TopicPartition, to_bytes

if TYPE_CHECKING:
    from millrace.producer import ProducerOptions

_TOPIC_CHANGED = ("unknown_topic", "unknown_partition", "topic_deleted", "not_leader")


def add_record(builder: BatchBuilder, record: NewRecord | Bytes | None) -> None:
    """Errors: invalid_argument."""
    if not isinstance(record, NewRecord):
        record = NewRecord(value=record)
    timestamp = time.time_ns() // 1_000_000 if record.timestamp_ms is None else record.timestamp_ms
    if not 0 <= timestamp < 1 << 63:
        raise invalid_argument("a timestamp is milliseconds since 1970, not below 0")
    builder.add(timestamp, to_bytes(record.key, "a key"), to_bytes(record.value, "a value"),
                [(name.encode(), to_bytes(data, "a header")) for name, data in record.headers])


def append_atomic(client: Client, options: ProducerOptions,
                  records: Iterable[tuple[TopicPartition, NewRecord | Bytes | None]],
                  expected: Mapping[TopicPartition, int], timeout: float) -> list[Ack]:
    """Errors: as Producer.append_atomic()."""
    deadline = Deadline(timeout)
    builders: dict[TopicPartition, BatchBuilder] = {}
    places: list[tuple[TopicPartition, int]] = []
    for named, record in records:
        place = TopicPartition(*named)
        builder = builders.setdefault(place, BatchBuilder())
        places.append((place, len(builder)))
        add_record(builder, record)
    if not places:
        raise invalid_argument("an atomic append has no records")
    for place, offset in expected.items():
        if place not in builders or not 0 <= offset < 1 << 63:
            raise invalid_argument(f"an offset {offset} cannot be expected of {place}")
    topics = {name: client.topic(name, age_max=0.0, timeout=deadline.left())
              for name in {place.topic for place in builders}}
    data = {place: builder.finish(options.compression) for place, builder in builders.items()}
    rows = [(Part(topics[place.topic].id, place.partition), len(batch))
            for place, batch in data.items()]
    table = encode_append_atomic(
        max(1, int(deadline.left() * 1000)), rows,
        [expected.get(place, -1) for place in data] if expected else None)

    def decode(answer: Answer) -> list[Produced]:
        answers = decode_append_atomic(answer)
        if [answer.part for answer in answers] != [part for part, _ in rows]:
            raise protocol_violation("the answer is not about the partitions that were sent")
        return answers

    stored = dict(zip(data, client.call(Api.APPEND_ATOMIC, table, decode, changes=True,
                                        timeout=deadline.left(), payload=list(data.values())),
                      strict=True))
    return [Ack(*place, stored[place].base_offset + index,
                stored[place].append_time if stored[place].append_time >= 0
                else builders[place].timestamps[index])
            for place, index in places]


def append_at(client: Client, options: ProducerOptions, place: TopicPartition,
              expected_offset: int, builder: BatchBuilder, timeout: float) -> Ack:
    """Requires: the builder has records. Errors: as Producer.append_at()."""
    deadline = Deadline(timeout)
    known = client.known_topic(place.topic) or client.topic(place.topic, timeout=timeout)
    part = Part(known.id, place.partition)
    data = builder.finish(options.compression)

    def decode(answer: Answer) -> Produced:
        answers = decode_produce(answer)
        if [answer.part for answer in answers] != [part]:
            raise protocol_violation("the answer is not about the partition that was sent")
        return answers[0]

    table = encode_produce(options.acks, options.durability,
                           max(1, int(deadline.left() * 1000)), [(part, len(data))],
                           [expected_offset])
    # A row's error is not asked again: of some it is not known whether the batch is stored.
    stored = client.call(Api.PRODUCE, table, decode, changes=True, timeout=deadline.left(),
                         payload=[data])
    if stored.error is not None:
        if stored.error.name in _TOPIC_CHANGED:
            client.forget_topic(place.topic)
        raise stored.error
    timestamp = stored.append_time if stored.append_time >= 0 else builder.timestamps[0]
    return Ack(place.topic, place.partition, stored.base_offset, timestamp)
