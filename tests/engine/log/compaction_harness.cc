// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/engine/log/compaction_harness.h"

#include "engine/format/batch_reader.h"
#include "engine/units.h"

#include <gtest/gtest.h>

#include <utility>

namespace millrace::testing {

using engine::BatchReader;
using engine::BatchView;
using engine::Bytes;
using engine::Codec;
using engine::CompactOp;

namespace {

std::optional<Bytes> bytes_of(const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    return std::as_bytes(std::span(*text));
}

std::string text_of(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::vector<std::byte> keyed_batch(const std::vector<KeyedRecord>& records,
                                   Codec codec,
                                   const engine::ProducerStamp& producer) {
    engine::BatchBuilder builder;
    for (const auto& record : records) {
        builder.append({.timestamp = record.timestamp,
                        .key = bytes_of(record.key),
                        .value = bytes_of(record.value),
                        .headers = {}});
    }
    const auto batch = builder.finish(codec, producer);
    EXPECT_TRUE(batch.has_value());
    return {batch->begin(), batch->end()};
}

FinishedCompact::FinishedCompact() {
    done = [](CompactOp& op) noexcept { static_cast<FinishedCompact&>(op).finished = true; };
}

namespace {

// Time does not have to pass for it, unless a test wants that.
engine::EngineOptions hurried(engine::EngineOptions options) {
    const engine::EngineOptions defaults;
    if (options.compaction_bytes_per_second == defaults.compaction_bytes_per_second) {
        options.compaction_bytes_per_second = 1ULL << 60U;
    }
    return options;
}

}  // namespace

CompactionHarness::CompactionHarness(const engine::EngineOptions& engine_options)
        : LogHarness(hurried(engine_options)) {}

engine::LogConfig CompactionHarness::config(std::uint64_t segment_bytes) {
    return {.segment_bytes = segment_bytes,
            .expires = false,
            .compacts = true,
            .dirty_ratio_min = 0};
}

void CompactionHarness::append_checked(const std::vector<std::byte>& batch) {
    AckedAppend& refused = begin_append(batch);
    if (!refused.admitted) {
        EXPECT_EQ(refused.admitted, engine::failure(engine::Errc::records_unchecked));
        engine::RecordsCheck check;
        check.batches = batch;
        bool checked = false;
        check.owner = &checked;
        check.done = [](engine::RecordsCheck& over) noexcept {
            *static_cast<bool*>(over.owner) = true;
        };
        log->check_records(check);
        EXPECT_FALSE(checked);
        EXPECT_TRUE(run_until([&checked] { return checked; }));
        EXPECT_TRUE(check.outcome.has_value());
        EXPECT_TRUE(begin_append(batch, engine::Durability::memory, true).admitted.has_value());
    }
    wal.flush_all();
    turn();
}

bool CompactionHarness::until_round_or(const FinishedCompact& op) {
    return run_until([&] { return op.finished || logs->wants_round(); });
}

FinishedCompact CompactionHarness::compact() {
    FinishedCompact op;
    log->compact(op);
    EXPECT_FALSE(op.finished);
    while (until_round_or(op) && !op.finished)
        rows = checkpoint();
    EXPECT_TRUE(op.finished);
    return op;
}

void CompactionHarness::settle_all() {
    settle();
    while (logs->wants_round()) {
        rows = checkpoint();
        settle();
    }
}

std::vector<std::vector<std::byte>> CompactionHarness::batches() {
    std::vector<std::vector<std::byte>> all;
    for (auto from = log->offsets().log_start; from < log->offsets().log_end;) {
        const auto read = this->read(from.value);
        EXPECT_TRUE(read.outcome.has_value()) << from.value;
        if (!read.outcome || read.slices.empty()) return all;
        const auto bytes = read.bytes_read();
        for (std::size_t position = 0; position < bytes.size();) {
            const auto batch = BatchView::trusted(bytes.data() + position);
            all.emplace_back(batch.bytes().begin(), batch.bytes().end());
            position += batch.size();
        }
        from = read.next_offset;
    }
    return all;
}

std::vector<ReadRecord> CompactionHarness::records(std::int64_t first) {
    std::vector<ReadRecord> all;
    for (auto from = engine::Offset(first); from < log->offsets().log_end;) {
        const auto read = this->read(from.value);
        EXPECT_TRUE(read.outcome.has_value()) << from.value;
        if (!read.outcome || read.slices.empty()) return all;
        const auto bytes = read.bytes_read();
        for (std::size_t position = 0; position < bytes.size();) {
            const auto batch = BatchView::trusted(bytes.data() + position);
            EXPECT_TRUE(batch.crc_is_right());
            position += batch.size();
            BatchReader reader;
            EXPECT_TRUE(reader.open(batch, 64 * engine::kMiB).has_value());
            for (;;) {
                const auto item = reader.next();
                EXPECT_TRUE(item.has_value());
                if (!item || !*item) break;
                if ((**item).offset.value < first) continue;
                auto& record = all.emplace_back();
                record.offset = (**item).offset.value;
                record.timestamp = (**item).timestamp;
                if ((**item).record.key) record.key = text_of(*(**item).record.key);
                if ((**item).record.value) record.value = text_of(*(**item).record.value);
            }
        }
        from = read.next_offset;
    }
    return all;
}

std::map<std::string, std::string> CompactionHarness::last_values(
        const std::vector<ReadRecord>& records) {
    std::map<std::string, std::string> values;
    for (const auto& record : records) {
        if (record.value) {
            values[record.key] = *record.value;
        } else {
            values.erase(record.key);
        }
    }
    return values;
}

}  // namespace millrace::testing
