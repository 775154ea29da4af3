// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Builds one record batch, byte for byte what Kafka's producers build.
//
// Lifecycle:   append any number of records, finish, clear, again; memory is kept.
// Thread:      one at a time.
#pragma once

#include "engine/format/record.h"
#include "engine/format/record_batch.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace millrace::engine {

struct RecordParts {
    TimestampMs timestamp = -1;
    std::optional<Bytes> key{};
    std::optional<Bytes> value{};
    std::span<const HeaderView> headers{};
};

// What a batch says of its producer; all -1: that it has none.
struct ProducerStamp {
    std::int64_t id = -1;
    std::int16_t epoch = -1;
    std::int32_t base_sequence = -1;

    bool operator==(const ProducerStamp&) const = default;
};

class BatchBuilder {
public:
    // Size of the batch after the record, uncompressed.
    [[nodiscard]] std::size_t size_with(const RecordParts& record) const noexcept;

    void append(const RecordParts& record);

    [[nodiscard]] std::int32_t record_count() const noexcept { return count_; }

    [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }

    // The batch, at base offset 0 with leader epoch -1. Valid until clear() or another finish().
    // A codec that does not make it smaller is used all the same: the choice is the caller's.
    // Requires: at least one record, and less than 2 GiB of them. Errors: unsupported_batch (the
    // codec failed).
    [[nodiscard]] Result<Bytes> finish(Codec codec, const ProducerStamp& producer = {});

    void clear() noexcept;

private:
    std::vector<std::byte> bytes_;       // Header and records as they come.
    std::vector<std::byte> compressed_;  // Header and compressed records, when asked for.
    std::int32_t count_ = 0;
    TimestampMs base_timestamp_ = -1;
    TimestampMs max_timestamp_ = -1;
};

}  // namespace millrace::engine
