# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Requests and responses of metadata and of what changes topics."""
from __future__ import annotations

from typing import Any

from millrace.descriptions import PartitionDescription, TopicDescription, TopicOutcome
from millrace.errors import BrokerError
from millrace.tables import (Answer, Budget, build_vector, finish, guarded, new_builder, read_uuid,
                             row_error)
from millrace.wire import (CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest,
                           CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse,
                           KeyValue, MetadataRequest, MetadataResponse, NewTopic, PartitionGrowth,
                           PartitionInfo, TopicQuery, TopicSelection)


def encode_metadata(names: list[str] | None) -> bytes:
    """None: all topics."""
    builder = new_builder()
    if names is None:
        MetadataRequest.Start(builder)
        MetadataRequest.AddAll(builder, True)
        return finish(builder, MetadataRequest.End(builder))
    queries = _named(builder, TopicQuery, names)
    topics = build_vector(builder, MetadataRequest.StartTopicsVector, queries)
    MetadataRequest.Start(builder)
    MetadataRequest.AddTopics(builder, topics)
    return finish(builder, MetadataRequest.End(builder))


@guarded
def decode_metadata(answer: Answer) -> list[TopicDescription]:
    budget = Budget(answer.table)
    response = MetadataResponse.MetadataResponse.GetRootAs(answer.table)
    topics = []
    for row in budget.tables(response.TopicsLength(), response.Topics):
        name = budget.text(row.Name())
        partitions = [PartitionDescription(part.Partition(), part.Leader(), part.LeaderEpoch())
                      for part in budget.structs(row.PartitionsLength(),
                                                 PartitionInfo.PartitionInfo.SizeOf(),
                                                 row.Partitions)]
        partitions.sort(key=lambda part: part.partition)
        error = row_error(row.Error(), budget.text(row.Message()), f"topic '{name}'")
        topics.append(TopicDescription(name, read_uuid(row.Id()), partitions, error))
    return topics


def encode_create_topics(topics: list[tuple[str, int, dict[str, str]]], validate_only: bool,
                         timeout_ms: int) -> bytes:
    """Each with its name, number of partitions (0: the broker's default) and settings."""
    builder = new_builder()
    rows = []
    for name, partitions, config in topics:
        settings = build_vector(builder, NewTopic.StartConfigVector,
                                [_key_value(builder, *pair) for pair in config.items()])
        text = builder.CreateString(name)
        NewTopic.Start(builder)
        NewTopic.AddName(builder, text)
        NewTopic.AddPartitions(builder, partitions)
        NewTopic.AddConfig(builder, settings)
        rows.append(NewTopic.End(builder))
    vector = build_vector(builder, CreateTopicsRequest.StartTopicsVector, rows)
    CreateTopicsRequest.Start(builder)
    CreateTopicsRequest.AddTopics(builder, vector)
    CreateTopicsRequest.AddValidateOnly(builder, validate_only)
    CreateTopicsRequest.AddTimeoutMs(builder, timeout_ms)
    return finish(builder, CreateTopicsRequest.End(builder))


def encode_delete_topics(names: list[str], timeout_ms: int) -> bytes:
    builder = new_builder()
    rows = _named(builder, TopicSelection, names)
    vector = build_vector(builder, DeleteTopicsRequest.StartTopicsVector, rows)
    DeleteTopicsRequest.Start(builder)
    DeleteTopicsRequest.AddTopics(builder, vector)
    DeleteTopicsRequest.AddTimeoutMs(builder, timeout_ms)
    return finish(builder, DeleteTopicsRequest.End(builder))


def encode_create_partitions(topics: list[tuple[str, int]], validate_only: bool,
                             timeout_ms: int) -> bytes:
    """Each with its name and new total."""
    builder = new_builder()
    rows = []
    for name, partitions in topics:
        text = builder.CreateString(name)
        PartitionGrowth.Start(builder)
        PartitionGrowth.AddName(builder, text)
        PartitionGrowth.AddPartitions(builder, partitions)
        rows.append(PartitionGrowth.End(builder))
    vector = build_vector(builder, CreatePartitionsRequest.StartTopicsVector, rows)
    CreatePartitionsRequest.Start(builder)
    CreatePartitionsRequest.AddTopics(builder, vector)
    CreatePartitionsRequest.AddValidateOnly(builder, validate_only)
    CreatePartitionsRequest.AddTimeoutMs(builder, timeout_ms)
    return finish(builder, CreatePartitionsRequest.End(builder))


def decode_create_topics(answer: Answer) -> list[TopicOutcome]:
    return _outcomes(answer, CreateTopicsResponse.CreateTopicsResponse)


def decode_delete_topics(answer: Answer) -> list[TopicOutcome]:
    return _outcomes(answer, DeleteTopicsResponse.DeleteTopicsResponse)


def decode_create_partitions(answer: Answer) -> list[TopicOutcome]:
    return _outcomes(answer, CreatePartitionsResponse.CreatePartitionsResponse)


@guarded
def _outcomes(answer: Answer, kind: Any) -> list[TopicOutcome]:
    budget = Budget(answer.table)
    response = kind.GetRootAs(answer.table)
    outcomes = []
    for row in budget.tables(response.TopicsLength(), response.Topics):
        name = budget.text(row.Name())
        error: BrokerError | None = row_error(row.Error(), budget.text(row.Message()),
                                              f"topic '{name}'")
        outcomes.append(TopicOutcome(name, read_uuid(row.Id()), row.Partitions(), error))
    return outcomes


def _named(builder: Any, kind: Any, names: list[str]) -> list[int]:
    """Tables of a kind that chooses topics, one for each name."""
    rows = []
    for name in names:
        text = builder.CreateString(name)
        kind.Start(builder)
        kind.AddName(builder, text)
        rows.append(kind.End(builder))
    return rows


def _key_value(builder: Any, key: str, value: str) -> int:
    keyed, valued = builder.CreateString(key), builder.CreateString(value)
    KeyValue.Start(builder)
    KeyValue.AddKey(builder, keyed)
    KeyValue.AddValue(builder, valued)
    return KeyValue.End(builder)
