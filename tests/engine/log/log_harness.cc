// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/engine/log/log_harness.h"

#include "engine/engine/recovered_start.h"
#include "engine/format/batch_builder.h"
#include "engine/format/log_start_entry.h"
#include "engine/units.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace millrace::testing {

using engine::AppendOp;
using engine::BatchBuilder;
using engine::BatchView;
using engine::Codec;
using engine::Durability;
using engine::EngineOp;
using engine::EngineOptions;
using engine::EntryKind;
using engine::Errc;
using engine::Error;
using engine::LeaderEpoch;
using engine::Log;
using engine::LogConfig;
using engine::MonotonicTime;
using engine::Offset;
using engine::PartitionRow;
using engine::PrepareOp;
using engine::ReadOp;
using engine::ReadStatus;
using engine::RecoveredLog;
using engine::Result;
using engine::set_batch_place;
using engine::ShardLogs;
using engine::ShardLogsParts;
using engine::TimeLookupOp;
using engine::TimestampMs;

std::vector<std::byte> batch_of(std::string_view value,
                                std::int32_t records,
                                TimestampMs timestamp,
                                Codec codec) {
    BatchBuilder builder;
    for (std::int32_t i = 0; i < records; ++i) {
        builder.append({.timestamp = timestamp,
                        .key = std::nullopt,
                        .value = std::as_bytes(std::span(value)),
                        .headers = {}});
    }
    const auto batch = builder.finish(codec);
    EXPECT_TRUE(batch.has_value());
    return {batch->begin(), batch->end()};
}

std::vector<std::byte> operator+(std::vector<std::byte> left, const std::vector<std::byte>& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

std::vector<std::byte> stored(std::vector<std::byte> batch, std::int64_t base, LeaderEpoch epoch) {
    set_batch_place(batch.data(), Offset(base), epoch);
    return batch;
}

AckedAppend::AckedAppend() {
    done = [](AppendOp& op) noexcept { ++static_cast<AckedAppend&>(op).acks; };
}

FinishedRead::FinishedRead() {
    done = [](ReadOp& op) noexcept { static_cast<FinishedRead&>(op).finished = true; };
}

std::vector<std::byte> FinishedRead::bytes_read() const {
    std::vector<std::byte> all;
    for (const auto& slice : slices) {
        all.insert(all.end(), slice.data, slice.data + slice.size);
    }
    return all;
}

FoundTime::FoundTime() {
    done = [](TimeLookupOp& op) noexcept { static_cast<FoundTime&>(op).finished = true; };
}

FinishedVerify::FinishedVerify() {
    bytes_max = UINT64_MAX;
    done = [](engine::VerifyOp& op) noexcept { static_cast<FinishedVerify&>(op).finished = true; };
}

FinishedDelete::FinishedDelete() {
    done = [](engine::DeleteOp& op) noexcept { static_cast<FinishedDelete&>(op).finished = true; };
}

LogHarness::LogHarness(const EngineOptions& engine_options)
        : options(engine_options), compaction_rate(engine_options.compaction_bytes_per_second) {
    make_logs();
}

LogHarness::~LogHarness() {
    end_logs();
}

void LogHarness::make_logs() {
    storage = std::make_unique<SimStorage>(disk, storage_options);
    logs = std::make_unique<ShardLogs>(ShardLogsParts{clock,
                                                      events,
                                                      arena,
                                                      *storage,
                                                      wal,
                                                      options,
                                                      leader_epoch_min,
                                                      guarded_clock,
                                                      counters,
                                                      *this,
                                                      compaction_rate,
                                                      after_clean_stop});
    failure.reset();
}

void LogHarness::end_logs() {
    if (logs == nullptr) return;
    logs->fail({Errc::shutting_down, 0});
    settle();
    EXPECT_TRUE(logs->idle());
    logs.reset();
    storage.reset();
    log = nullptr;
}

void LogHarness::logs_failed(Error error, std::string_view what) noexcept {
    EXPECT_FALSE(failure.has_value());
    failure = error;
    failed_what = what;
}

Log& LogHarness::open(const LogConfig& config) {
    config_ = config;
    log = &logs->open(kOrders, kOrdersFolder, config, nullptr);
    return *log;
}

void LogHarness::set_config(const LogConfig& config) {
    config_ = config;
    log->set_config(config);
}

AckedAppend& LogHarness::begin_append(const std::vector<std::byte>& batches,
                                      Durability durability,
                                      bool records_checked) {
    auto& op = *appends_.emplace_back(std::make_unique<AckedAppend>());
    op.bytes = batches;
    op.batches = op.bytes;
    op.durability = durability;
    op.records_checked = records_checked;
    op.admitted = log->append(op);
    return op;
}

std::int64_t LogHarness::append(const std::vector<std::byte>& batches) {
    auto& op = begin_append(batches);
    EXPECT_TRUE(op.admitted.has_value());
    wal.flush_all();
    turn();
    EXPECT_EQ(op.acks, 1U);
    return op.base_offset.value;
}

void LogHarness::turn() {
    logs->end_turn();
    storage->flush_submissions();
    storage->run_completions();
}

void LogHarness::settle() {
    do {
        turn();
    } while (storage->in_flight() > 0);
    turn();
}

bool LogHarness::run_until(const std::function<bool()>& condition) {
    for (int turns = 0; turns < 100'000; ++turns) {
        if (condition()) return true;
        turn();
        if (condition()) return true;
        if (storage->in_flight() > 0) continue;
        const auto deadline = logs->next_deadline();
        if (deadline == MonotonicTime::max()) {
            turn();
            if (storage->in_flight() == 0 && !condition() &&
                logs->next_deadline() == MonotonicTime::max()) {
                return false;
            }
        } else if (deadline > clock.monotonic_now()) {
            clock.advance(deadline - clock.monotonic_now());
        }
    }
    return false;
}

FinishedRead LogHarness::read(std::int64_t from,
                              std::uint32_t bytes_max,
                              std::int64_t limit,
                              bool first_may_exceed) {
    FinishedRead op;
    op.from = Offset(from);
    op.limit = Offset(limit);
    op.bytes_max = bytes_max;
    op.first_may_exceed = first_may_exceed;
    if (log->read(op) == ReadStatus::complete) return op;
    EXPECT_TRUE(run_until([&op] { return op.finished; }));
    return op;
}

FoundTime LogHarness::look_up(TimestampMs timestamp, std::int64_t limit) {
    FoundTime op;
    op.timestamp = timestamp;
    op.limit = Offset(limit);
    log->look_up_time(op);
    EXPECT_FALSE(op.finished);
    EXPECT_TRUE(run_until([&op] { return op.finished; }));
    return op;
}

FinishedDelete LogHarness::await_delete(void (engine::Log::*begin)(engine::DeleteOp&),
                                        std::int64_t offset) {
    FinishedDelete op;
    op.before = Offset(offset);
    (log->*begin)(op);
    EXPECT_FALSE(op.finished);
    wal.flush_all();
    EXPECT_TRUE(run_until([&op] { return op.finished; }));
    return op;
}

FinishedDelete LogHarness::delete_before(std::int64_t offset) {
    return await_delete(&engine::Log::delete_before, offset);
}

FinishedDelete LogHarness::expire() {
    return await_delete(&engine::Log::expire, 0);
}

void LogHarness::store_all() {
    wal.flush_all();
    wal.live = 900;
    settle();
    for (int i = 0; i < 100; ++i)
        settle();
    wal.live = 0;
}

std::vector<PartitionRow> LogHarness::checkpoint() {
    PrepareOp op;
    bool done = false;
    op.owner = &done;
    op.done = [](PrepareOp& ended) noexcept { *static_cast<bool*>(ended.owner) = true; };
    logs->prepare_checkpoint(op);
    EXPECT_FALSE(done);
    EXPECT_TRUE(run_until([&done] { return done; }));
    EXPECT_TRUE(op.outcome.has_value());
    std::uint64_t promised = 0;
    for (const auto& release : op.releases)
        promised += release.entries;
    const auto before = wal.unflushed();
    logs->checkpoint_durable();
    EXPECT_EQ(before - wal.unflushed(), promised);
    return op.rows;
}

void LogHarness::recycle() {
    for (const auto& file : wal.files) {
        if (file->unflushed_entries == 0) logs->wal_file_recycled(*file);
    }
    wal.next_file();
}

std::vector<PartitionRow> LogHarness::only_files() {
    store_all();
    auto rows = checkpoint();
    recycle();
    return rows;
}

Result<void> LogHarness::flush_all() {
    wal.flush_all();
    EngineOp op;
    bool done = false;
    op.owner = &done;
    op.done = [](EngineOp& ended) noexcept { *static_cast<bool*>(ended.owner) = true; };
    logs->flush_all(op);
    EXPECT_FALSE(done);
    EXPECT_TRUE(run_until([&done] { return done; }));
    return op.outcome;
}

void LogHarness::restart(const std::vector<PartitionRow>& rows, bool unclean) {
    restart_on(disk.killed(), rows, unclean);
}

void LogHarness::restart_on(SimDisk after, const std::vector<PartitionRow>& rows, bool unclean) {
    end_logs();
    disk = std::move(after);
    if (unclean) ++leader_epoch_min;
    after_clean_stop = !unclean;
    make_logs();
    RecoveredLog recovered;
    recovered.row.key = kOrders;
    for (const auto& row : rows) {
        if (row.key == kOrders) recovered.row = row;
    }
    for (const auto& file : wal.files)
        file->unflushed_entries = 0;
    auto& row = recovered.row;
    for (const auto& entry : wal.entries) {
        if (entry.kind == EntryKind::log_start) {
            const auto start =
                    *engine::decode_log_start_entry({entry.place.data, entry.place.size});
            if (start <= row.log_start) continue;
            row.log_start = start;
            ++entry.place.file->unflushed_entries;
            const auto end =
                    recovered.tail.empty() ? row.flushed_offset : recovered.tail.back().end;
            recovered.tail.push_back({.place = entry.place, .base = end, .end = end});
            recovered.tail.back().place.size = 0;
            continue;
        }
        if (entry.kind != EntryKind::append || entry.end <= recovered.row.flushed_offset) continue;
        const auto first = BatchView::trusted(entry.place.data);
        ++entry.place.file->unflushed_entries;
        recovered.tail.push_back(
                {.place = entry.place, .base = first.base_offset(), .end = entry.end});
    }
    engine::drop_deleted(recovered);
    log = &logs->open(kOrders, kOrdersFolder, config_, &recovered);
}

std::vector<std::byte> LogHarness::file(std::string_view name) const {
    return disk.contents("topics/" + std::string(kOrdersFolder) + "/" + std::string(name));
}

std::vector<std::string> LogHarness::folder() const {
    const std::string prefix = "topics/" + std::string(kOrdersFolder) + "/";
    std::vector<std::string> names;
    for (const auto& path : disk.files()) {
        if (path.starts_with(prefix)) names.push_back(path.substr(prefix.size()));
    }
    return names;
}

}  // namespace millrace::testing
