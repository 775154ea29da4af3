// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/clients/cpp/support/fake_topics.h"

#include "codec/table.h"
#include "engine/format/record_batch.h"
#include "schemas/fetch_generated.h"
#include "schemas/init_producer_generated.h"
#include "schemas/metadata_generated.h"
#include "schemas/offsets_generated.h"
#include "schemas/produce_generated.h"
#include "schemas/topics_generated.h"
#include "tests/clients/cpp/support/fake_broker.h"

#include <algorithm>
#include <stdexcept>

namespace millrace::testing {

namespace {

using detail::from_wire;
using detail::to_wire;

std::uint16_t number(wire::ErrorCode code) {
    return static_cast<std::uint16_t>(code);
}

template <class T>
const T& read(const FakeRequest& request) {
    if (!detail::verify_table<T>(request.table)) throw std::runtime_error("a table that is wrong");
    return *flatbuffers::GetRoot<T>(reinterpret_cast<const std::uint8_t*>(request.table.data()));
}

FakeAnswer finish(flatbuffers::FlatBufferBuilder& builder) {
    FakeAnswer answer;
    const auto* data = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
    answer.table.assign(data, data + builder.GetSize());
    answer.table.resize(wire::padded(builder.GetSize()));
    return answer;
}

}  // namespace

FakeAnswer producer_id_answer(std::int64_t id) {
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(wire::CreateInitProducerResponse(builder, 0, 0, 0, id, 0));
    return finish(builder);
}

FakeAnswer error_answer(wire::ErrorCode code, const std::string& message) {
    flatbuffers::FlatBufferBuilder builder;
    const auto text = message.empty() ? 0 : builder.CreateString(message);
    builder.Finish(wire::CreateResponseHead(builder, number(code), text));
    return finish(builder);
}

std::int64_t FakePartition::append(engine::Bytes batch) {
    const auto base = end;
    auto& stored = batches.emplace_back(batch.begin(), batch.end());
    engine::set_batch_place(stored.data(), engine::Offset(base), 0);
    end = engine::BatchView::trusted(stored.data()).next_offset().value;
    return base;
}

FakeTopic& FakeTopics::create(const std::string& name, std::uint32_t partitions) {
    auto& topic = topics_[name];
    topic = {};
    topic.id.bytes[15] = next_id_++;
    topic.partitions.resize(partitions);
    return topic;
}

FakePartition* FakeTopics::find(const Uuid& id, std::uint32_t partition) {
    for (auto& [name, topic] : topics_) {
        if (topic.id != id) continue;
        return partition < topic.partitions.size() ? &topic.partitions[partition] : nullptr;
    }
    return nullptr;
}

FakeAnswer FakeTopics::metadata(const FakeRequest& request) {
    const auto& table = read<wire::MetadataRequest>(request);
    flatbuffers::FlatBufferBuilder builder;
    std::vector<flatbuffers::Offset<wire::TopicInfo>> infos;
    const auto describe = [&](const std::string& name) {
        const auto found = topics_.find(name);
        const auto name_text = builder.CreateString(name);
        if (found == topics_.end()) {
            infos.push_back(wire::CreateTopicInfo(
                    builder, number(wire::ErrorCode::unknown_topic), 0, nullptr, name_text));
            return;
        }
        std::vector<wire::PartitionInfo> partitions;
        for (std::uint32_t i = 0; i < found->second.partitions.size(); ++i) {
            partitions.emplace_back(i, 0, 0, std::uint16_t{0}, std::uint16_t{0});
        }
        const auto rows = builder.CreateVectorOfStructs(partitions);
        const auto id = to_wire(found->second.id);
        infos.push_back(wire::CreateTopicInfo(builder, 0, 0, &id, name_text, rows));
    };
    if (table.all()) {
        for (const auto& [name, topic] : topics_)
            describe(name);
    }
    detail::for_each(table.topics(),
                     [&](const wire::TopicQuery& query) { describe(query.name()->str()); });
    const auto vector = builder.CreateVector(infos);
    builder.Finish(wire::CreateMetadataResponse(builder, 0, 0, 0, nullptr, 0, 0, vector));
    return finish(builder);
}

FakeAnswer FakeTopics::produce(const FakeRequest& request) {
    const auto& table = read<wire::ProduceRequest>(request);
    std::vector<wire::ProducedPartition> rows;
    std::size_t position = 0;
    detail::for_each(table.partitions(), [&](const wire::ProducePartition& row) {
        const engine::Bytes batch(request.payload.data() + position, row.payload_bytes());
        position += row.payload_bytes();
        auto* partition = find(from_wire(row.topic()), row.partition());
        auto error = wire::ErrorCode::none;
        std::int64_t base = -1;
        if (partition == nullptr) {
            error = wire::ErrorCode::unknown_topic;
        } else if (partition->produce_error != wire::ErrorCode::none) {
            error = partition->produce_error;
        } else if (batch.size() > partition->batch_bytes_max) {
            error = wire::ErrorCode::message_too_large;
        } else if (!engine::BatchView::trusted(batch.data()).crc_is_right()) {
            error = wire::ErrorCode::corrupt_batch;
        } else {
            base = partition->append(batch);
        }
        rows.emplace_back(
                row.topic(), row.partition(), number(error), std::uint16_t{0}, base, -1, 0);
    });
    flatbuffers::FlatBufferBuilder builder;
    const auto vector = builder.CreateVectorOfStructs(rows);
    builder.Finish(wire::CreateProduceResponse(builder, 0, 0, 0, vector));
    return finish(builder);
}

FakeAnswer FakeTopics::list_offsets(const FakeRequest& request) {
    const auto& table = read<wire::ListOffsetsRequest>(request);
    std::vector<wire::ListedOffset> rows;
    detail::for_each(table.partitions(), [&](const wire::OffsetQuery& query) {
        auto* partition = find(from_wire(query.topic()), query.partition());
        const bool known = partition != nullptr;
        const auto error = number(known ? wire::ErrorCode::none : wire::ErrorCode::unknown_topic);
        const auto start = known ? partition->start : -1;
        const auto end = known ? partition->end : -1;
        auto offset = query.timestamp() == -2 ? start : end;
        if (known && query.timestamp() >= 0) {
            offset = -1;
            for (const auto& bytes : partition->batches) {
                const auto batch = engine::BatchView::trusted(bytes.data());
                if (batch.max_timestamp() < query.timestamp()) continue;
                offset = batch.base_offset().value;
                break;
            }
        }
        rows.emplace_back(query.topic(),
                          query.partition(),
                          error,
                          std::uint16_t{0},
                          offset,
                          -1,
                          start,
                          end,
                          0U,
                          0,
                          0U);
    });
    flatbuffers::FlatBufferBuilder builder;
    const auto vector = builder.CreateVectorOfStructs(rows);
    builder.Finish(wire::CreateListOffsetsResponse(builder, 0, 0, 0, vector));
    return finish(builder);
}

FakeAnswer FakeTopics::create_topics(const FakeRequest& request) {
    const auto& table = read<wire::CreateTopicsRequest>(request);
    flatbuffers::FlatBufferBuilder builder;
    std::vector<flatbuffers::Offset<wire::TopicResult>> results;
    detail::for_each(table.topics(), [&](const wire::NewTopic& topic) {
        const auto name = topic.name()->str();
        if (topics_.contains(name)) {
            results.push_back(
                    wire::CreateTopicResult(builder, number(wire::ErrorCode::topic_exists)));
            return;
        }
        const auto id = to_wire(create(name, topic.partitions()).id);
        results.push_back(wire::CreateTopicResult(builder, 0, 0, 0, &id, topic.partitions()));
    });
    const auto vector = builder.CreateVector(results);
    builder.Finish(wire::CreateCreateTopicsResponse(builder, 0, 0, 0, vector));
    return finish(builder);
}

bool FakeTopics::apply(const wire::FetchRequest& request, Session& session) {
    if (request.session_epoch() != 0 && request.session_epoch() != session.next_epoch) {
        return false;
    }
    detail::for_each(request.forgotten(), [&](const wire::PartitionRef& row) {
        session.partitions.erase({from_wire(row.topic()).bytes, row.partition()});
    });
    detail::for_each(request.partitions(), [&](const wire::FetchPartition& row) {
        session.partitions[{from_wire(row.topic()).bytes, row.partition()}] = {row.offset(),
                                                                               row.bytes_max()};
    });
    return true;
}

std::optional<FakeAnswer> FakeTopics::fetch(const FakeRequest& request) {
    const auto& table = read<wire::FetchRequest>(request);
    const std::pair<std::uint64_t, std::uint32_t> request_key{request.connection,
                                                              request.header.correlation_id};
    const bool again = waiting_.contains(request_key);
    auto session_id = again ? waiting_[request_key] : table.session_id();
    if (!again && table.session_epoch() == 0) {
        session_id = next_session_++;
        sessions_[session_id] = {};
    }
    if (!sessions_.contains(session_id)) {
        return error_answer(wire::ErrorCode::unknown_fetch_session);
    }
    auto& session = sessions_[session_id];
    if (!again && !apply(table, session)) {
        return error_answer(wire::ErrorCode::invalid_fetch_session_epoch);
    }
    std::vector<wire::FetchedPartition> rows;
    FakeAnswer answer;
    std::vector<std::byte> payload;
    for (const auto& [key, wanted] : session.partitions) {
        const Uuid id{key.first};
        auto* partition = find(id, key.second);
        auto error = wire::ErrorCode::none;
        std::uint32_t bytes = 0;
        if (partition == nullptr) {
            error = wire::ErrorCode::unknown_topic;
        } else if (partition->fetch_error != wire::ErrorCode::none) {
            error = partition->fetch_error;
        } else if (wanted.offset < partition->start || wanted.offset > partition->end) {
            error = wire::ErrorCode::offset_out_of_range;
        } else {
            for (const auto& batch : partition->batches) {
                const auto view = engine::BatchView::trusted(batch.data());
                if (view.next_offset().value <= wanted.offset) continue;
                if (bytes > 0 && bytes + batch.size() > wanted.bytes_max) break;
                payload.insert(payload.end(), batch.begin(), batch.end());
                bytes += static_cast<std::uint32_t>(batch.size());
            }
        }
        if (bytes == 0 && error == wire::ErrorCode::none) continue;
        rows.emplace_back(to_wire(id),
                          key.second,
                          number(error),
                          std::uint16_t{0},
                          partition != nullptr ? partition->end : -1,
                          partition != nullptr ? partition->start : -1,
                          -1,
                          -1,
                          bytes);
    }
    if (rows.empty() && table.wait_max_ms() > 0) {
        waiting_[request_key] = session_id;
        return std::nullopt;
    }
    waiting_.erase(request_key);
    flatbuffers::FlatBufferBuilder builder;
    const auto vector = builder.CreateVectorOfStructs(rows);
    builder.Finish(wire::CreateFetchResponse(
            builder, 0, 0, 0, session_id, session.next_epoch - 1, vector));
    ++session.next_epoch;
    answer = finish(builder);
    answer.payload = std::move(payload);
    return answer;
}

}  // namespace millrace::testing
