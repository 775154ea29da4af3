// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One record inside the uncompressed records of a batch.
#pragma once

#include "engine/result.h"
#include "engine/types.h"

#include <cstdint>
#include <optional>

namespace millrace::engine {

struct RecordView {
    std::int64_t timestamp_delta = 0;
    std::int32_t offset_delta = 0;
    std::optional<Bytes> key;  // Absent: null.
    std::optional<Bytes> value;
    std::int32_t header_count = 0;
    Bytes headers;  // Encoded; see take_header().
};

struct HeaderView {
    Bytes key;
    std::optional<Bytes> value;
};

// Reads the record at the front of untrusted bytes and moves them on. Checks every length, that
// the record fills its own exactly, and that its headers do. Errors: corrupt_batch.
[[nodiscard]] Result<RecordView> take_record(Bytes& from) noexcept;

// Reads the header at the front of RecordView::headers and moves it on.
[[nodiscard]] Result<HeaderView> take_header(Bytes& from) noexcept;

}  // namespace millrace::engine
