// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A record as a line of JSON, in the shape in which consume writes one, so that
// `consume -o jsonl | produce --jsonl` copies.
#pragma once

#include "millrace/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::cli {

struct JsonRecord {
    std::optional<std::string> topic;
    std::optional<std::string> key;
    std::optional<std::string> value;
    std::vector<std::pair<std::string, std::optional<std::string>>> headers;
    std::optional<std::uint32_t> partition;
    std::optional<std::int64_t> timestamp_ms;
};

// {"key","value","headers":[["k","v"]],"partition","timestamp"}, all optional but key or value;
// bytes are a string, {"base64":"..."} or null. "topic" and "offset", which consume writes too, are
// allowed to be there; any other field is an error. Errors: invalid_argument, with a sentence that
// says where in the line.
[[nodiscard]] Result<JsonRecord> parse_json_record(std::string_view line);

// Nothing when the text is no base64 (RFC 4648, section 4, with padding).
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

}  // namespace millrace::cli
