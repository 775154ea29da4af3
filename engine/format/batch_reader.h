// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The records of a batch of any codec, opened with bounded output.
//
// Lifecycle:   open a batch, take its records; open the next one; memory is kept.
// Thread:      one at a time.
#pragma once

#include "engine/format/record.h"
#include "engine/format/record_batch.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace millrace::engine {

class BatchReader {
public:
    // `batch` is borrowed until the next open. Its checksum is the caller's to check. Errors:
    // batch_too_large (decompresses to more than bytes_max), corrupt_batch, unsupported_batch.
    [[nodiscard]] Result<void> open(const BatchView& batch, std::size_t bytes_max);

    // The next record, with its place in the log; none at the end. Views live until the next
    // open. Errors: corrupt_batch.
    struct Item {
        Offset offset;
        TimestampMs timestamp = -1;
        RecordView record;
    };

    [[nodiscard]] Result<std::optional<Item>> next();

private:
    std::vector<std::byte> decompressed_;
    Bytes rest_;
    std::int32_t left_ = 0;
    Offset base_offset_;
    std::int32_t last_offset_delta_ = -1;
    std::int32_t previous_delta_ = -1;
    TimestampMs base_timestamp_ = -1;
    TimestampMs append_time_ = -1;
    bool log_append_time_ = false;
};

}  // namespace millrace::engine
