// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "producer/atomic_append.h"

#include "codec/data.h"
#include "core/bytes.h"
#include "producer/partitioner.h"
#include "producer/record_parts.h"

#include <map>
#include <set>
#include <string>
#include <utility>

namespace millrace::detail {

namespace {

Error invalid(std::string what) {
    return {ErrorCode::invalid_argument, std::move(what)};
}

// The records of one partition.
struct Part {
    std::string topic;
    ProduceRow row;
    engine::BatchBuilder builder;
    std::vector<std::size_t> records;  // Their indexes.
    std::vector<std::int64_t> timestamps;
};

class AtomicBatches {
public:
    AtomicBatches(ClientCore& client, const std::vector<Record>& records)
            : client_(client), records_(records) {}

    // Looks the topics up and gives every record its partition.
    Result<void> place() {
        std::set<std::string> names;
        for (const auto& record : records_)
            names.emplace(record.topic);
        auto topics = client_.topics({names.begin(), names.end()});
        if (!topics) return topics.error();
        std::map<std::string, TopicMetadata> known;
        for (auto& topic : *topics) {
            if (topic.error.code != ErrorCode::none) {
                return Error{topic.error.code, topic.error.message};
            }
            known.emplace(topic.name, std::move(topic));
        }
        for (std::size_t index = 0; index < records_.size(); ++index) {
            const auto& topic = known.at(std::string(records_[index].topic));
            if (auto placed = place(index, topic); !placed) return placed;
        }
        return {};
    }

    Result<void> expect(const std::vector<ExpectedOffset>& expected) {
        for (const auto& each : expected) {
            if (each.offset < 0) return invalid("An expected offset is below zero.");
            const auto found = by_place_.find({each.topic, each.partition});
            if (found == by_place_.end()) {
                return invalid(each.topic + "-" + std::to_string(each.partition) +
                               ": an offset is expected where no record goes.");
            }
            parts_[found->second].row.expected_offset = each.offset;
        }
        return {};
    }

    Result<std::vector<Ack>> send(Compression compression) {
        std::vector<ProduceRow> rows;
        std::vector<engine::Bytes> payload;
        for (auto& part : parts_) {
            auto batch = part.builder.finish(static_cast<engine::Codec>(compression));
            if (!batch) batch = part.builder.finish(engine::Codec::none);
            part.row.payload_bytes = static_cast<std::uint32_t>(batch->size());
            payload.push_back(*batch);
            rows.push_back(part.row);
        }
        const auto stored = client_.ask(
                encode_append_atomic(client_.options().request_timeout, rows),
                Effect::change,
                [&](const Response& response) { return decode_append_atomic(response, rows); },
                payload);
        if (!stored) return stored.error();
        return acknowledge(*stored);
    }

private:
    Result<void> place(std::size_t index, const TopicMetadata& topic) {
        const auto& record = records_[index];
        const auto count = static_cast<std::uint32_t>(topic.partitions.size());
        if (!record.partition && !record.key) {
            return invalid(topic.name +
                           ": a record of an atomic append has neither partition nor "
                           "key.");
        }
        const auto partition = record.partition ? *record.partition
                                                : partition_of_key(bytes_of(*record.key), count);
        if (partition >= count) {
            return Error{ErrorCode::unknown_partition,
                         topic.name + "-" + std::to_string(partition) + ": the topic has " +
                                 std::to_string(count) + " partitions."};
        }
        const auto [found, is_new] = by_place_.try_emplace({topic.name, partition}, parts_.size());
        if (is_new) {
            auto& made = parts_.emplace_back();
            made.topic = topic.name;
            made.row = {topic.id, partition, 0, -1};
        }
        auto& part = parts_[found->second];
        const auto headers = headers_of(record);
        const auto parts = parts_of(record, headers);
        part.builder.append(parts);
        part.records.push_back(index);
        part.timestamps.push_back(parts.timestamp);
        return {};
    }

    [[nodiscard]] std::vector<Ack> acknowledge(const std::vector<ProducedRow>& stored) const {
        std::vector<Ack> acks(records_.size());
        for (std::size_t i = 0; i < parts_.size(); ++i) {
            const auto& part = parts_[i];
            for (std::size_t record = 0; record < part.records.size(); ++record) {
                auto& ack = acks[part.records[record]];
                ack.topic = part.topic;
                ack.partition = part.row.partition;
                ack.offset = stored[i].base_offset + static_cast<std::int64_t>(record);
                const bool stamped = stored[i].append_time >= 0;
                ack.timestamp_ms = stamped ? stored[i].append_time : part.timestamps[record];
            }
        }
        return acks;
    }

    ClientCore& client_;
    const std::vector<Record>& records_;
    std::vector<Part> parts_;
    std::map<std::pair<std::string, std::uint32_t>, std::size_t> by_place_;
};

}  // namespace

Result<std::vector<Ack>> append_atomic(ClientCore& client,
                                       Compression compression,
                                       const std::vector<Record>& records,
                                       const std::vector<ExpectedOffset>& expected) {
    if (records.empty()) return invalid("An atomic append has no records.");
    AtomicBatches batches(client, records);
    if (auto placed = batches.place(); !placed) return placed.error();
    if (auto set = batches.expect(expected); !set) return set.error();
    return batches.send(compression);
}

}  // namespace millrace::detail
