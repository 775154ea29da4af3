// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// From fetched batches to records.
//
// Lifecycle:   start with a part, read until it is used up; start with the next one.
// Thread:      the one that polls.
#pragma once

#include "consumer/assigned_partition.h"
#include "engine/format/batch_reader.h"
#include "millrace/consumer.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

namespace millrace::detail {

// What the views of a Records point to.
struct RecordsContent {
    std::vector<RecordView> records;
    std::vector<std::shared_ptr<const void>>
            memory;  // Shared with other Records of the same fetch.
};

class PartReader {
public:
    explicit PartReader(const ConsumerOptions& options) : options_(options) {}

    void start(FetchedPart part);
    void stop() noexcept;

    // Null when used up.
    [[nodiscard]] const std::shared_ptr<AssignedPartition>& partition() const noexcept {
        return part_.partition;
    }

    // Offset of the next record it will give.
    [[nodiscard]] std::int64_t position() const noexcept { return position_; }

    // Adds records until there are `records_max` or the part is used up. Errors: corrupt_batch,
    // unsupported_batch, the part's own; what was added before stays, position() is at the
    // record or batch that cannot be read.
    Result<void> read(RecordsContent& content, std::size_t records_max);

private:
    Result<void> open_batch();
    Result<void> read_batch(RecordsContent& content, std::size_t records_max);
    [[nodiscard]] Error failure(ErrorCode code, const char* what) const;

    const ConsumerOptions& options_;
    FetchedPart part_;
    std::int64_t position_ = 0;
    std::int64_t batch_end_ = 0;
    // Of the batch that is open. Shared with Records when it holds decompressed bytes.
    std::shared_ptr<engine::BatchReader> reader_;
    bool open_ = false;
    bool compressed_ = false;
    bool shared_ = false;  // Records look into reader_.
};

}  // namespace millrace::detail
