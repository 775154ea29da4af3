# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Requests and responses about settings and the cluster."""
from __future__ import annotations

from millrace.descriptions import (BrokerDescription, ClusterDescription, ConfigEntry,
                                   ConfigSource)
from millrace.errors import BrokerError
from millrace.tables import (Answer, Budget, build_vector, finish, guarded, new_builder, read_uuid,
                             row_error)
from millrace.wire import (AlterConfigsRequest, AlterConfigsResponse, AlteredResource,
                           ConfigChange, ConfigResource, DescribeClusterRequest,
                           DescribeClusterResponse, DescribeConfigsRequest,
                           DescribeConfigsResponse)
from millrace.wire.AlterKind import AlterKind
from millrace.wire.ResourceKind import ResourceKind

_SOURCES = {int(source): source for source in ConfigSource}


def encode_describe_configs(topic: str | None, keys: list[str]) -> bytes:
    """Of a topic, or (None) of the broker; all settings when no keys are named."""
    builder = new_builder()
    texts = build_vector(builder, ConfigResource.StartKeysVector,
                         [builder.CreateString(key) for key in keys])
    name = builder.CreateString(topic or "")
    ConfigResource.Start(builder)
    ConfigResource.AddKind(builder, ResourceKind.broker if topic is None else ResourceKind.topic)
    ConfigResource.AddName(builder, name)
    ConfigResource.AddKeys(builder, texts)
    resource = ConfigResource.End(builder)
    resources = build_vector(builder, DescribeConfigsRequest.StartResourcesVector, [resource])
    DescribeConfigsRequest.Start(builder)
    DescribeConfigsRequest.AddResources(builder, resources)
    return finish(builder, DescribeConfigsRequest.End(builder))


@guarded
def decode_describe_configs(answer: Answer) -> list[tuple[BrokerError | None, list[ConfigEntry]]]:
    """One row for each resource that was asked for."""
    budget = Budget(answer.table)
    response = DescribeConfigsResponse.DescribeConfigsResponse.GetRootAs(answer.table)
    rows = []
    for row in budget.tables(response.ResourcesLength(), response.Resources):
        entries = []
        for entry in budget.tables(row.EntriesLength(), row.Entries):
            source = _SOURCES.get(entry.Source(), ConfigSource.DEFAULT_VALUE)
            entries.append(ConfigEntry(budget.text(entry.Key()), budget.text(entry.Value()),
                                       source, budget.text(entry.DefaultValue()),
                                       bool(entry.ReadOnly()),
                                       budget.text(entry.Documentation())))
        error = row_error(row.Error(), budget.text(row.Message()), budget.text(row.Name()))
        rows.append((error, entries))
    return rows


def encode_alter_configs(topic: str, changes: dict[str, str | None], validate_only: bool) -> bytes:
    """A value of None takes a setting back to its default."""
    builder = new_builder()
    rows = []
    for key, value in changes.items():
        keyed, valued = builder.CreateString(key), builder.CreateString(value or "")
        ConfigChange.Start(builder)
        ConfigChange.AddKey(builder, keyed)
        ConfigChange.AddKind(builder, AlterKind.remove if value is None else AlterKind.set)
        ConfigChange.AddValue(builder, valued)
        rows.append(ConfigChange.End(builder))
    vector = build_vector(builder, AlteredResource.StartChangesVector, rows)
    name = builder.CreateString(topic)
    AlteredResource.Start(builder)
    AlteredResource.AddKind(builder, ResourceKind.topic)
    AlteredResource.AddName(builder, name)
    AlteredResource.AddChanges(builder, vector)
    resource = AlteredResource.End(builder)
    resources = build_vector(builder, AlterConfigsRequest.StartResourcesVector, [resource])
    AlterConfigsRequest.Start(builder)
    AlterConfigsRequest.AddResources(builder, resources)
    AlterConfigsRequest.AddValidateOnly(builder, validate_only)
    return finish(builder, AlterConfigsRequest.End(builder))


@guarded
def decode_alter_configs(answer: Answer) -> list[BrokerError | None]:
    """One row for each resource that was to be changed."""
    budget = Budget(answer.table)
    response = AlterConfigsResponse.AlterConfigsResponse.GetRootAs(answer.table)
    return [row_error(row.Error(), budget.text(row.Message()), budget.text(row.Name()))
            for row in budget.tables(response.ResultsLength(), response.Results)]


def encode_describe_cluster() -> bytes:
    builder = new_builder()
    DescribeClusterRequest.Start(builder)
    return finish(builder, DescribeClusterRequest.End(builder))


@guarded
def decode_describe_cluster(answer: Answer) -> ClusterDescription:
    budget = Budget(answer.table)
    response = DescribeClusterResponse.DescribeClusterResponse.GetRootAs(answer.table)
    brokers = [BrokerDescription(row.Id(), budget.text(row.Host()), row.Port(),
                                 budget.text(row.Version()))
               for row in budget.tables(response.BrokersLength(), response.Brokers)]
    return ClusterDescription(read_uuid(response.ClusterId()), response.Controller(), brokers,
                              budget.text(response.Io()), response.Shards(), response.Topics(),
                              response.Partitions())
