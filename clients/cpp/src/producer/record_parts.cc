// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "producer/record_parts.h"

#include "core/bytes.h"

#include <chrono>

namespace millrace::detail {

namespace {

std::int64_t wall_now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
            .count();
}

std::optional<engine::Bytes> bytes_or_null(const std::optional<std::string_view>& text) {
    if (!text) return std::nullopt;
    return bytes_of(*text);
}

}  // namespace

std::vector<engine::HeaderView> headers_of(const Record& record) {
    std::vector<engine::HeaderView> headers;
    headers.reserve(record.headers.size());
    for (const auto& header : record.headers) {
        headers.push_back({bytes_of(header.key), bytes_or_null(header.value)});
    }
    return headers;
}

// Borrows from both.
engine::RecordParts parts_of(const Record& record, const std::vector<engine::HeaderView>& headers) {
    return {.timestamp = record.timestamp_ms ? *record.timestamp_ms : wall_now_ms(),
            .key = bytes_or_null(record.key),
            .value = bytes_or_null(record.value),
            .headers = headers};
}

}  // namespace millrace::detail
