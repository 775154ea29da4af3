// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "admin/verifications.h"

#include "codec/metadata.h"
#include "codec/table.h"
#include "codec/verifications.h"
#include "core/positions.h"

#include <chrono>
#include <utility>

namespace millrace::detail {

namespace {

// The broker answers behind a segment at the earliest: one of several GiB on a slow disk.
constexpr std::chrono::minutes kPatience{10};

void add(PartitionVerification& all, PartitionVerification&& found) {
    all.segments += found.segments;
    all.batches += found.batches;
    all.records += found.records;
    all.bytes += found.bytes;
    all.damaged_in_all += found.damaged_in_all;
    for (auto& range : found.damaged)
        all.damaged.push_back(std::move(range));
}

}  // namespace

Result<PartitionVerification> verify_partition(ClientCore& client,
                                               const TopicPartition& partition) {
    const auto topics = client.topics({partition.topic});
    if (!topics) return topics.error();
    const auto& topic = topics->front();
    if (topic.error.code != ErrorCode::none) return Error{topic.error.code, topic.error.message};
    PartitionVerification all;
    all.partition = partition;
    for (std::int64_t from = 0;;) {
        auto row = client.ask(
                encode_verify_records(topic.id, partition.partition, from),
                Effect::query,
                [&](const Response& response) {
                    return decode_verify_records(response, topic.id, partition.partition, from);
                },
                {},
                kPatience);
        if (!row) return row.error();
        if (row->error.code != ErrorCode::none) {
            return error_of(partition.topic, partition.partition, row->error);
        }
        add(all, std::move(row->found));
        if (row->at_end) return all;
        from = row->next_offset;
    }
}

}  // namespace millrace::detail
