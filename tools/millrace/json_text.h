// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// JSON for streams of records: appended to a buffer, one line each, without a document in between.
#pragma once

#include "millrace/record.h"

#include <optional>
#include <string>
#include <string_view>

namespace millrace::cli {

// A string in quotes when the bytes are UTF-8, else {"base64":"..."}.
void append_json_bytes(std::string& to, std::string_view bytes);

// {"topic","partition","offset","timestamp","key","value","headers":[["k","v"]]}, without newline.
// A missing key, value or header value is null; a missing timestamp too.
void append_json_record(std::string& to, const RecordView& record);

[[nodiscard]] bool is_utf8(std::string_view bytes) noexcept;

}  // namespace millrace::cli
