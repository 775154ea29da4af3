# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Questions and changes about topics, settings, offsets and the cluster."""
from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from millrace.calls_cluster import (decode_alter_configs, decode_describe_cluster,
                                    decode_describe_configs, encode_alter_configs,
                                    encode_describe_cluster, encode_describe_configs)
from millrace.calls_compactions import (Compacted, decode_compact_records,
                                        encode_compact_records)
from millrace.calls_data import TIME_END, Part
from millrace.calls_deletions import (EXPIRED_RECORDS, Deleted, decode_delete_records,
                                      encode_delete_records)
from millrace.calls_topics import (decode_create_partitions, decode_create_topics,
                                   decode_delete_topics, encode_create_partitions,
                                   encode_create_topics, encode_delete_topics)
from millrace.client import Client
from millrace.descriptions import (ClusterDescription, CompactionOutcome, ConfigEntry,
                                   DeletionOutcome, PartitionOffsets, TopicDescription,
                                   TopicOutcome)
from millrace.errors import protocol_violation
from millrace.frame import Api
from millrace.positions import Place, find_places, list_offsets, part_of
from millrace.tables import Answer
from millrace.types import Position, TopicPartition

T = TypeVar("T")

_ASK_AGAIN_S = 0.2


class NewTopic(NamedTuple):
    name: str
    partitions: int = 0  # 0: the broker's default.
    config: Mapping[str, str] = {}


class Admin:
    """
    Lifecycle:  make it and call. Cheap.
    Thread:     every call from any thread; each waits for its answer, at most the client's
                request_timeout.
    Durability: a change that returned is on disk.
    Errors:     of the call as a whole are raised (for a change, timed_out and disconnected mean
                unknown); calls that name several topics answer each with an outcome of its own.
    """

    def __init__(self, client: Client):
        self._client = client

    def create_topics(self, topics: Sequence[NewTopic],
                      validate_only: bool = False) -> list[TopicOutcome]:
        """One outcome for each, in order."""
        rows = [(topic.name, topic.partitions, dict(topic.config)) for topic in topics]
        table = encode_create_topics(rows, validate_only, self._timeout_ms())
        return self._change(Api.CREATE_TOPICS, table, decode_create_topics, len(topics))

    def delete_topics(self, names: Sequence[str]) -> list[TopicOutcome]:
        """One outcome for each, in order."""
        table = encode_delete_topics(list(names), self._timeout_ms())
        outcomes = self._change(Api.DELETE_TOPICS, table, decode_delete_topics, len(names))
        for name in names:
            self._client.forget_topic(name)
        return outcomes

    def grow_topics(self, totals: Mapping[str, int],
                    validate_only: bool = False) -> list[TopicOutcome]:
        """To new totals of partitions. One outcome for each, in order."""
        table = encode_create_partitions(list(totals.items()), validate_only, self._timeout_ms())
        outcomes = self._change(Api.CREATE_PARTITIONS, table, decode_create_partitions,
                                len(totals))
        for name in totals:
            self._client.forget_topic(name)
        return outcomes

    def create_topic(self, name: str, partitions: int = 0, config: Mapping[str, str] = {},
                     validate_only: bool = False) -> TopicOutcome:
        """Errors: topic_exists, invalid_topic_name, invalid_partition_count, invalid_config."""
        return _single(self.create_topics([NewTopic(name, partitions, config)], validate_only))

    def delete_topic(self, name: str) -> None:
        """Errors: unknown_topic."""
        _single(self.delete_topics([name]))

    def grow_topic(self, name: str, partitions: int) -> None:
        """Errors: unknown_topic, invalid_partition_count."""
        _single(self.grow_topics({name: partitions}))

    def list_topics(self) -> list[TopicDescription]:
        """In order of their names."""
        return self._client.describe_topics()

    def describe_topic(self, name: str) -> TopicDescription:
        """Errors: unknown_topic."""
        (topic,) = self._client.describe_topics([name])
        if topic.error is not None:
            raise topic.error
        return topic

    def topic_offsets(self, name: str) -> list[PartitionOffsets]:
        """Of every partition, in order. Errors: unknown_topic."""
        topic = self.describe_topic(name)
        rows = list_offsets(self._client, [(Part(topic.id, part.partition), TIME_END)
                                           for part in topic.partitions])
        for row in rows:
            if row.error is not None:
                raise row.error
        return [PartitionOffsets(row.part.partition, row.log_start_offset, row.high_watermark,
                                 row.size_bytes) for row in rows]

    def find_offsets(self, queries: Sequence[tuple[str, int, Position]]) -> list[Place]:
        """The offset of each (topic, partition, position), in order; of a time the end when
        nothing is that late. Errors: unknown_topic, unknown_partition."""
        return find_places(self._client, [(TopicPartition(topic, partition), position)
                                          for topic, partition, position in queries])

    def delete_records(self, before: Mapping[TopicPartition, int]) -> list[DeletionOutcome]:
        """Deletes what lies below an offset, or all that is visible (-1). One outcome for each
        partition, in order; offset_out_of_range when the offset lies above the end.
        Errors: unknown_topic."""
        return self._delete(list(before.items()))

    def expire_topic(self, name: str) -> list[DeletionOutcome]:
        """Deletes now what the topic's retention keeps no longer, of every partition.
        Errors: unknown_topic."""
        topic = self.describe_topic(name)
        return self._delete([(TopicPartition(name, part.partition), EXPIRED_RECORDS)
                             for part in topic.partitions])

    def compact_topic(self, name: str, wait: bool = True) -> list[CompactionOutcome]:
        """Compacts every partition now. Without `wait` it returns at once, and they go on; with it
        when all are finished, however long that takes.
        Errors: unknown_topic; of an outcome invalid_config when the topic is not compacted."""
        parts = [part_of(self._client, TopicPartition(name, part.partition))
                 for part in self.describe_topic(name).partitions]
        known = self._compact([(part, 0) for part in parts])
        while wait and any(not row.finished for row in known.values()):
            time.sleep(_ASK_AGAIN_S)
            known |= self._compact([(row.part, row.ticket) for row in known.values()
                                    if not row.finished])
        return [CompactionOutcome(name, row.part.partition, row.finished, row.segments, row.records,
                                  row.bytes, row.error)
                for row in (known[part] for part in parts)]

    def topic_config(self, name: str, keys: Sequence[str] = ()) -> list[ConfigEntry]:
        """All settings, or those of `keys`. Errors: unknown_topic, invalid_config."""
        return self._config(name, keys)

    def broker_config(self, keys: Sequence[str] = ()) -> list[ConfigEntry]:
        return self._config(None, keys)

    def alter_topic_config(self, name: str, changes: Mapping[str, str | None],
                           validate_only: bool = False) -> None:
        """All changes or none; None takes a setting back to its default.
        Errors: invalid_config (names key and value), unknown_topic."""
        table = encode_alter_configs(name, dict(changes), validate_only)
        (error,) = self._change(Api.ALTER_CONFIGS, table, decode_alter_configs, 1)
        if error is not None:
            raise error

    def describe_cluster(self) -> ClusterDescription:
        return self._client.call(Api.DESCRIBE_CLUSTER, encode_describe_cluster(),
                                 decode_describe_cluster)

    def _delete(self, deletions: list[tuple[TopicPartition, int]]) -> list[DeletionOutcome]:
        rows = [(part_of(self._client, where), before) for where, before in deletions]

        def decode(answer: Answer) -> list[Deleted]:
            deleted = decode_delete_records(answer)
            if [row.part for row in deleted] != [part for part, _ in rows]:
                raise protocol_violation("records were not deleted of the partitions asked for")
            return deleted

        deleted = self._client.call(Api.DELETE_RECORDS, encode_delete_records(rows), decode,
                                    changes=True)
        return [DeletionOutcome(where.topic, where.partition, row.log_start_offset, row.segments,
                                row.bytes, row.error)
                for row, (where, _) in zip(deleted, deletions)]

    def _compact(self, rows: list[tuple[Part, int]]) -> dict[Part, Compacted]:
        def decode(answer: Answer) -> list[Compacted]:
            compacted = decode_compact_records(answer)
            if [row.part for row in compacted] != [part for part, _ in rows]:
                raise protocol_violation("other partitions were compacted than asked for")
            return compacted

        # Asked twice it is one compaction: a lost answer does no harm.
        compacted = self._client.call(Api.COMPACT_RECORDS, encode_compact_records(rows), decode)
        return {row.part: row._replace(finished=row.finished or row.error is not None)
                for row in compacted}

    def _config(self, topic: str | None, keys: Sequence[str]) -> list[ConfigEntry]:
        decode = _counted(decode_describe_configs, 1)
        ((error, entries),) = self._client.call(
            Api.DESCRIBE_CONFIGS, encode_describe_configs(topic, list(keys)), decode)
        if error is not None:
            raise error
        return entries

    def _change(self, api: Api, table: bytes, decode: Callable[[Answer], list[T]],
                rows: int) -> list[T]:
        return self._client.call(api, table, _counted(decode, rows), changes=True)

    def _timeout_ms(self) -> int:
        return max(1, int(self._client.request_timeout * 1000))


def _counted(decode: Callable[[Answer], list[T]], rows: int) -> Callable[[Answer], list[T]]:
    def checked(answer: Answer) -> list[T]:
        decoded = decode(answer)
        if len(decoded) != rows:
            raise protocol_violation(f"{len(decoded)} rows answer a request of {rows}")
        return decoded
    return checked


def _single(outcomes: list[TopicOutcome]) -> TopicOutcome:
    (outcome,) = outcomes
    if outcome.error is not None:
        raise outcome.error
    return outcome
