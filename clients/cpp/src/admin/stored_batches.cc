// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "admin/stored_batches.h"

#include "codec/data.h"
#include "codec/metadata.h"
#include "codec/table.h"
#include "core/positions.h"

#include <limits>

namespace millrace::detail {

namespace {

constexpr std::uint32_t kWithoutSession = std::numeric_limits<std::uint32_t>::max();

Result<StoredBatches> decode(const Response& response, const FetchRow& asked) {
    const auto fetched = decode_fetch(response);
    if (!fetched) return fetched.error();
    if (fetched->partitions.size() != 1 || fetched->partitions[0].topic != asked.topic ||
        fetched->partitions[0].partition != asked.partition) {
        return malformed_response("other partitions than the request");
    }
    const auto& row = fetched->partitions[0];
    if (row.error.code != ErrorCode::none) return Error{row.error.code, row.error.message};
    const auto bytes = response.payload.subspan(row.payload_begin, row.payload_bytes);
    StoredBatches stored;
    stored.bytes.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    stored.start_offset = row.log_start_offset;
    stored.end_offset = row.high_watermark;
    return stored;
}

}  // namespace

Result<StoredBatches> read_batches(ClientCore& client,
                                   const TopicPartition& partition,
                                   std::int64_t offset,
                                   std::uint32_t bytes_max) {
    const auto topics = client.topics({partition.topic});
    if (!topics) return topics.error();
    const auto& topic = topics->front();
    if (topic.error.code != ErrorCode::none) return Error{topic.error.code, topic.error.message};
    FetchQuery query;
    query.session_epoch = kWithoutSession;
    query.bytes_max = bytes_max;
    query.partitions.push_back({.topic = topic.id,
                                .partition = partition.partition,
                                .offset = offset,
                                .bytes_max = bytes_max});
    return client.ask(encode_fetch(query), Effect::query, [&query](const Response& response) {
        return decode(response, query.partitions.front());
    });
}

}  // namespace millrace::detail
