// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A compacted log on a simulated disk, its records by key, and passes over it.
#pragma once

#include "engine/format/batch_builder.h"
#include "tests/engine/log/log_harness.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::testing {

inline constexpr engine::TimestampMs kSomeTime = 1'700'000'000'000;

struct KeyedRecord {
    std::optional<std::string> key{};
    std::optional<std::string> value{};  // None: a tombstone.
    engine::TimestampMs timestamp = kSomeTime;
};

std::vector<std::byte> keyed_batch(const std::vector<KeyedRecord>& records,
                                   engine::Codec codec = engine::Codec::none,
                                   const engine::ProducerStamp& producer = {});

// A record as a reader gets it.
struct ReadRecord {
    std::int64_t offset = 0;
    std::string key;
    std::optional<std::string> value;
    engine::TimestampMs timestamp = -1;

    bool operator==(const ReadRecord&) const = default;
};

struct FinishedCompact : engine::CompactOp {
    FinishedCompact();
    bool finished = false;
};

class CompactionHarness : public LogHarness {
public:
    explicit CompactionHarness(const engine::EngineOptions& engine_options = {});

    // Small segments, compacted whenever something is dirty.
    static engine::LogConfig config(std::uint64_t segment_bytes = 1000);

    // Appends a batch of any codec; the WAL has it flushed.
    void append_checked(const std::vector<std::byte>& batch);

    // Until it is done, with the rounds that are asked for. The rows of the last round.
    FinishedCompact compact();
    // Turns and rounds until nothing moves and nothing is asked for.
    void settle_all();
    // Turns until a round is asked for or `op` is done.
    bool until_round_or(const FinishedCompact& op);

    // All records from `from` on, batch by batch as a consumer reads them.
    std::vector<ReadRecord> records(std::int64_t from = 0);
    // All batches, as stored.
    std::vector<std::vector<std::byte>> batches();
    // The last value of each key of those records.
    static std::map<std::string, std::string> last_values(const std::vector<ReadRecord>& records);

    std::vector<engine::PartitionRow> rows;
};

}  // namespace millrace::testing
