// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Partition logs of one shard on a simulated disk, with a write-ahead log of memory.
#pragma once

#include "engine/format/record_batch.h"
#include "engine/log/shard_logs.h"
#include "tests/engine/log/wal_double.h"
#include "tests/support/collected_events.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sim_storage.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::testing {

inline constexpr engine::PartitionKey kOrders{
        {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}}, 3};
inline constexpr std::string_view kOrdersFolder = "orders-3";

// One batch as a producer sends it: `records` records with this value.
std::vector<std::byte> batch_of(std::string_view value,
                                std::int32_t records = 1,
                                engine::TimestampMs timestamp = 1'700'000'000'000,
                                engine::Codec codec = engine::Codec::none);

std::vector<std::byte> operator+(std::vector<std::byte> left, const std::vector<std::byte>& right);

// As it is stored.
std::vector<std::byte> stored(std::vector<std::byte> batch,
                              std::int64_t base,
                              engine::LeaderEpoch epoch = 0);

struct AckedAppend : engine::AppendOp {
    AckedAppend();
    std::vector<std::byte> bytes;
    engine::Result<void> admitted;
    std::uint32_t acks = 0;
};

struct FinishedRead : engine::ReadOp {
    FinishedRead();
    bool finished = false;
    [[nodiscard]] std::vector<std::byte> bytes_read() const;
};

struct FoundTime : engine::TimeLookupOp {
    FoundTime();
    bool finished = false;
};

// Of the whole log.
struct FinishedVerify : engine::VerifyOp {
    FinishedVerify();
    bool finished = false;
};

struct FinishedDelete : engine::DeleteOp {
    FinishedDelete();
    bool finished = false;
};

class LogHarness : engine::ShardLogsListener {
public:
    explicit LogHarness(const engine::EngineOptions& engine_options = {});
    ~LogHarness() override;
    LogHarness(const LogHarness&) = delete;
    LogHarness& operator=(const LogHarness&) = delete;

    engine::Log& open(const engine::LogConfig& config = {});
    // Of the open log, and of the next run's.
    void set_config(const engine::LogConfig& config);

    // Appends; the WAL has it flushed. The base offset.
    std::int64_t append(const std::vector<std::byte>& batches);
    // Appends; nothing is written yet.
    AckedAppend& begin_append(const std::vector<std::byte>& batches,
                              engine::Durability durability = engine::Durability::memory,
                              bool records_checked = false);

    // Reads until it is finished.
    FinishedRead read(std::int64_t from,
                      std::uint32_t bytes_max = 1U << 20U,
                      std::int64_t limit = INT64_MAX,
                      bool first_may_exceed = true);
    FoundTime look_up(engine::TimestampMs timestamp, std::int64_t limit = INT64_MAX);

    // Waits for its end; the WAL flushes its entry.
    FinishedDelete delete_before(std::int64_t offset);
    FinishedDelete expire();

    // Turns, with time moving to the next deadline when nothing else happens, until `condition`.
    bool run_until(const std::function<bool()>& condition);
    // Turns until no operation is in flight.
    void settle();
    void turn();

    // Everything goes to segment files, whatever the pace.
    void store_all();
    // A checkpoint round: its rows; the entries they cover are released.
    std::vector<engine::PartitionRow> checkpoint();
    // Forgets what the tails hold of every file that has no unflushed entry.
    void recycle();
    // store_all, checkpoint, recycle: nothing but segment files is left.
    std::vector<engine::PartitionRow> only_files();
    engine::Result<void> flush_all();

    // The process dies and comes back with what the checkpoint had, and with every WAL entry of the
    // log that it does not cover.
    void restart(const std::vector<engine::PartitionRow>& rows, bool unclean = true);
    // The same on another disk.
    void restart_on(SimDisk after, const std::vector<engine::PartitionRow>& rows, bool unclean);

    [[nodiscard]] std::vector<std::byte> file(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> folder() const;

    SimDisk disk;
    FakeClock clock;
    CollectedEvents events;
    engine::Arena arena{512 * engine::kMiB};
    engine::EngineOptions options;
    engine::LeaderEpoch leader_epoch_min = 0;
    engine::TimestampMs guarded_clock = 0;  // Of the last checkpoint.
    bool after_clean_stop = true;
    engine::CompactionRate compaction_rate;
    engine::ShardCounters counters;
    WalDouble wal{arena};
    SimStorageOptions storage_options;
    std::unique_ptr<SimStorage> storage;
    std::unique_ptr<engine::ShardLogs> logs;
    engine::Log* log = nullptr;
    std::optional<engine::Error> failure;
    std::string failed_what;

private:
    FinishedDelete await_delete(void (engine::Log::*begin)(engine::DeleteOp&), std::int64_t offset);
    void make_logs();
    void end_logs();
    void logs_failed(engine::Error error, std::string_view what) noexcept override;

    engine::LogConfig config_;
    std::vector<std::unique_ptr<AckedAppend>> appends_;
};

}  // namespace millrace::testing
