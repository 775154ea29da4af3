# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Response tables, made with the builders of the generated code."""
from support.peer import TOPIC_ID

from millrace.calls_data import Part
from millrace.tables import build_structs, build_vector, finish, halves, new_builder
from millrace.wire import (FetchedPartition, FetchResponse, ListedOffset, ListOffsetsResponse,
                           MetadataResponse, PartitionInfo, ProducedPartition, ProduceResponse,
                           ResponseHead, RowMessage, TopicInfo, Uuid)

PART = Part(TOPIC_ID, 0)


def refusal(error: int, message: str = "no") -> bytes:
    """Of a request as a whole."""
    builder = new_builder()
    text = builder.CreateString(message)
    ResponseHead.Start(builder)
    ResponseHead.AddError(builder, error)
    ResponseHead.AddMessage(builder, text)
    return finish(builder, ResponseHead.End(builder))


def metadata(name: str = "orders", partitions: int = 1, error: int = 0, rows: int = 1) -> bytes:
    builder = new_builder()
    text = builder.CreateString(name)
    infos = build_structs(builder, TopicInfo.StartPartitionsVector,
                          PartitionInfo.CreatePartitionInfo,
                          [(number, 1, 0, 0, 0) for number in range(partitions)])
    TopicInfo.Start(builder)
    TopicInfo.AddError(builder, error)
    TopicInfo.AddId(builder, Uuid.CreateUuid(builder, *halves(TOPIC_ID)))
    TopicInfo.AddName(builder, text)
    TopicInfo.AddPartitions(builder, infos)
    topic = TopicInfo.End(builder)
    topics = build_vector(builder, MetadataResponse.StartTopicsVector, [topic] * rows)
    MetadataResponse.Start(builder)
    MetadataResponse.AddTopics(builder, topics)
    return finish(builder, MetadataResponse.End(builder))


def produced(base_offset: int = 0, error: int = 0, part: Part = PART, append_time: int = -1,
             message: str = "") -> bytes:
    builder = new_builder()
    messages = _messages(builder, ProduceResponse, message)
    rows = build_structs(builder, ProduceResponse.StartPartitionsVector,
                         ProducedPartition.CreateProducedPartition,
                         [(*halves(part.topic), part.partition, error, 0, base_offset, append_time,
                           0)])
    ProduceResponse.Start(builder)
    ProduceResponse.AddPartitions(builder, rows)
    ProduceResponse.AddMessages(builder, messages)
    return finish(builder, ProduceResponse.End(builder))


def fetched(rows: list[tuple[Part, int, int, int]], session: tuple[int, int] = (0, 0),
            diverging_end_offset: int = -1) -> bytes:
    """Rows of partition, error, high watermark and bytes of payload."""
    builder = new_builder()
    structs = build_structs(builder, FetchResponse.StartPartitionsVector,
                            FetchedPartition.CreateFetchedPartition,
                            [(*halves(part.topic), part.partition, error, 0, high_watermark, 0,
                              diverging_end_offset, -1, size) for part, error, high_watermark, size in rows])
    FetchResponse.Start(builder)
    FetchResponse.AddSessionId(builder, session[0])
    FetchResponse.AddSessionEpoch(builder, session[1])
    FetchResponse.AddPartitions(builder, structs)
    return finish(builder, FetchResponse.End(builder))


def listed(offset: int = 0, start: int = 0, high_watermark: int = 10, part: Part = PART) -> bytes:
    builder = new_builder()
    rows = build_structs(builder, ListOffsetsResponse.StartPartitionsVector,
                         ListedOffset.CreateListedOffset,
                         [(*halves(part.topic), part.partition, 0, 0, offset, -1, start,
                           high_watermark, 0, 0, 0)])
    ListOffsetsResponse.Start(builder)
    ListOffsetsResponse.AddPartitions(builder, rows)
    return finish(builder, ListOffsetsResponse.End(builder))


def _messages(builder, response, message: str) -> int:
    rows = []
    if message:
        text = builder.CreateString(message)
        RowMessage.Start(builder)
        RowMessage.AddMessage(builder, text)
        rows.append(RowMessage.End(builder))
    return build_vector(builder, response.StartMessagesVector, rows)
