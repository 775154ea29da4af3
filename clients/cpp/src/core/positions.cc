// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "core/positions.h"

#include "codec/offsets.h"
#include "codec/table.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace millrace::detail {

std::int64_t timestamp_for(const Position& position) noexcept {
    switch (position.kind()) {
        case Position::Kind::start:
            return kTimestampStart;
        case Position::Kind::time:
            return std::max<std::int64_t>(position.value(), 0);
        default:
            return kTimestampEnd;
    }
}

std::int64_t offset_from(const Position& position, const ListedRow& row) noexcept {
    switch (position.kind()) {
        case Position::Kind::start:
            return row.log_start_offset;
        case Position::Kind::end:
            return row.high_watermark;
        case Position::Kind::offset:
            return position.value();
        case Position::Kind::before_end:
            // Both are at or above zero, so that the difference cannot overflow.
            return std::max(row.log_start_offset,
                            row.high_watermark - std::max<std::int64_t>(position.value(), 0));
        case Position::Kind::time:
            return row.offset >= 0 ? row.offset : row.high_watermark;
    }
    return row.high_watermark;
}

bool may_go_away(ErrorCode code) noexcept {
    return is_retryable(code) || code == ErrorCode::unknown_topic;
}

bool is_refusal(ErrorCode code) noexcept {
    return !may_go_away(code) && code != ErrorCode::protocol_violation;
}

Error error_of(const std::string& topic, std::uint32_t partition, const RowError& row) {
    const auto place = topic + "-" + std::to_string(partition) + ": ";
    if (row.message.empty()) return {row.code, place + std::string(sentence_of(row.code))};
    return {row.code, place + row.message};
}

Result<std::vector<OffsetAnswer>> find_positions(ClientCore& core,
                                                 const std::vector<PlacedQuery>& queries) {
    // A request names a partition once: a second question about it goes into the next request.
    std::map<std::pair<std::array<std::uint8_t, 16>, std::uint32_t>, std::size_t> seen;
    std::vector<std::vector<std::size_t>> requests;
    std::map<std::size_t, std::size_t> open_request;  // Round -> request that still has room.
    for (std::size_t i = 0; i < queries.size(); ++i) {
        const auto round = seen[{queries[i].id.bytes, queries[i].partition}]++;
        const auto found = open_request.find(round);
        if (found == open_request.end() || requests[found->second].size() >= kRequestRowsMax) {
            open_request[round] = requests.size();
            requests.emplace_back();
        }
        requests[open_request[round]].push_back(i);
    }
    std::vector<OffsetAnswer> answers(queries.size());
    for (const auto& request : requests) {
        std::vector<OffsetRow> rows;
        for (const auto index : request) {
            const auto& query = queries[index];
            rows.push_back({query.id, query.partition, timestamp_for(query.position)});
        }
        const auto listed =
                core.ask(encode_list_offsets(rows), Effect::query, [&](const Response& response) {
                    return decode_list_offsets(response, rows);
                });
        if (!listed) return listed.error();
        for (std::size_t i = 0; i < request.size(); ++i) {
            const auto& query = queries[request[i]];
            const auto& row = (*listed)[i];
            auto& answer = answers[request[i]];
            answer.partition = {query.topic, query.partition};
            if (row.error.code != ErrorCode::none) {
                answer.error = error_of(query.topic, query.partition, row.error);
                continue;
            }
            answer.offset = offset_from(query.position, row);
            answer.timestamp_ms = row.timestamp;
        }
    }
    return answers;
}

}  // namespace millrace::detail
