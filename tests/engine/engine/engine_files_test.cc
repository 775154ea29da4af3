// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The whole engine on real files and threads: killed under load, stopped, started with another
// number of shards.
#include "engine/format/batch_builder.h"
#include "engine/format/record_batch.h"
#include "engine/units.h"
#include "tests/support/engine_host.h"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace millrace::testing {
namespace {

using engine::kKiB;
using engine::kMiB;

constexpr std::uint32_t kPartitions = 8;
constexpr std::size_t kRecordBytes = 1000;
constexpr std::uint32_t kInFlightMax = 16;  // For each partition.

engine::PartitionKey key_of(std::uint32_t partition) {
    return {engine::TopicId{{9, 9}}, partition};
}

std::string value_of(std::uint32_t partition, std::uint64_t number) {
    auto value = std::to_string(partition) + ":" + std::to_string(number) + ":";
    value.resize(kRecordBytes, static_cast<char>('a' + number % 26));
    return value;
}

std::vector<std::byte> batch_of(std::uint32_t partition, std::uint64_t number) {
    const auto value = value_of(partition, number);
    engine::BatchBuilder builder;
    builder.append({.timestamp = 1'700'000'000'000,
                    .key = {},
                    .value = std::as_bytes(std::span(value)),
                    .headers = {}});
    const auto bytes = builder.finish(engine::Codec::none);
    return {bytes->begin(), bytes->end()};
}

// What has been acknowledged, by partition.
using Acked = std::array<std::uint64_t, kPartitions>;

// Keeps appends of one partition in flight; lives on its shard.
class Appender {
public:
    Appender(engine::Log& log, std::uint32_t partition, std::uint64_t next)
            : log_(log), partition_(partition), next_(next), acked_(next) {
        for (auto& slot : slots_) {
            slot.op.owner = &slot;
            slot.appender = this;
            slot.op.done = [](engine::AppendOp& op) noexcept {
                auto& done = *static_cast<Slot*>(op.owner);
                done.busy = false;
                if (op.outcome) ++done.appender->acked_;
            };
        }
    }

    // True when something was appended.
    bool append_more(std::uint64_t end) {
        bool any = false;
        for (auto& slot : slots_) {
            if (slot.busy || next_ == end) continue;
            const auto batch = batch_of(partition_, next_);
            slot.op.batches = batch;
            if (!log_.append(slot.op)) return any;
            slot.busy = any = true;
            ++next_;
        }
        return any;
    }

    [[nodiscard]] std::uint64_t acked() const { return acked_; }

    [[nodiscard]] std::uint32_t partition() const { return partition_; }

private:
    struct Slot {
        engine::AppendOp op;
        Appender* appender = nullptr;
        bool busy = false;
    };

    engine::Log& log_;
    std::uint32_t partition_;
    std::uint64_t next_;
    std::uint64_t acked_;
    std::array<Slot, kInFlightMax> slots_;
};

class EngineFiles : public ::testing::TestWithParam<engine::IoChoice> {
protected:
    EngineFiles() {
        std::string path = "/var/tmp/engine_files_XXXXXX";
        directory_ = mkdtemp(path.data());
    }

    ~EngineFiles() override { std::filesystem::remove_all(directory_); }

    [[nodiscard]] EngineHostOptions options(std::uint32_t shards) const {
        EngineHostOptions options;
        options.directory = directory_;
        options.io = GetParam();
        options.engine.shards = shards;
        options.engine.wal_bytes = 16 * kMiB;
        options.engine.wal_file_bytes = 1 * kMiB;
        options.engine.run_bytes = 64 * kKiB;
        options.engine.random_seed = std::random_device()();
        return options;
    }

    static engine::Log& open(engine::ShardEngine& shard, std::uint32_t partition) {
        engine::LogConfig config;
        config.segment_bytes = 2 * kMiB;
        return shard.open_log(key_of(partition), "t-" + std::to_string(partition), config);
    }

    // Opens all logs and returns where each ends.
    static Acked open_all(EngineHost& host) {
        Acked ends{};
        for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
            host.on_shard(shard_of(key_of(partition), host.shard_count()), [&](auto& shard) {
                const auto end = open(shard, partition).offsets().log_end;
                ends[partition] = static_cast<std::uint64_t>(end.value);
            });
        }
        return ends;
    }

    // Appends on every shard until each partition has `end` records; tells `acked` the turn.
    static void append_until(EngineHost& host,
                             std::uint64_t end,
                             const std::function<void(const Appender&)>& acked) {
        const auto ends = open_all(host);
        std::vector<std::unique_ptr<Appender>> appenders(kPartitions);
        std::atomic<std::uint32_t> left = host.shard_count();
        for (std::uint32_t shard = 0; shard < host.shard_count(); ++shard) {
            host.on_shard(shard, [&](auto& engine) {
                for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
                    if (shard_of(key_of(partition), host.shard_count()) != shard) continue;
                    appenders[partition] = std::make_unique<Appender>(
                            open(engine, partition), partition, ends[partition]);
                }
            });
            host.set_turn(shard, [&, shard, over = false](engine::ShardEngine&) mutable {
                bool busy = false;
                bool all = true;
                for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
                    if (shard_of(key_of(partition), host.shard_count()) != shard) continue;
                    auto& appender = *appenders[partition];
                    busy = appender.append_more(end) || busy;
                    all = all && appender.acked() >= end;
                    if (acked) acked(appender);
                }
                if (all && !std::exchange(over, true)) {
                    left.fetch_sub(1);
                    left.notify_one();
                }
                return false;
            });
        }
        for (auto seen = left.load(); seen != 0; seen = left.load())
            left.wait(seen);
        for (std::uint32_t shard = 0; shard < host.shard_count(); ++shard)
            host.set_turn(shard, {});
    }

    // Reads everything and holds it against what was appended; returns the ends.
    static Acked check_all(EngineHost& host) {
        const auto ends = open_all(host);
        for (std::uint32_t partition = 0; partition < kPartitions; ++partition)
            check(host, partition, ends[partition]);
        return ends;
    }

    static void check(EngineHost& host, std::uint32_t partition, std::uint64_t end) {
        for (std::uint64_t next = 0; next < end;) {
            engine::ReadOp op;
            std::atomic<bool> done = false;
            op.from = engine::Offset(static_cast<std::int64_t>(next));
            op.limit = engine::Offset(static_cast<std::int64_t>(end));
            op.bytes_max = 256 * kKiB;
            op.owner = &done;
            op.done = [](engine::ReadOp& read) noexcept {
                auto& flag = *static_cast<std::atomic<bool>*>(read.owner);
                flag = true;
                flag.notify_one();
            };
            host.on_shard(shard_of(key_of(partition), host.shard_count()), [&](auto& shard) {
                if (open(shard, partition).read(op) == engine::ReadStatus::complete) {
                    op.done(op);
                }
            });
            done.wait(false);
            ASSERT_TRUE(op.outcome) << name_of(op.outcome.error().code) << "\n" << host.events();
            ASSERT_GT(op.next_offset.value, static_cast<std::int64_t>(next));
            for (const auto& slice : op.slices) {
                auto rest = slice.bytes();
                while (!rest.empty()) {
                    const auto batch = engine::BatchView::parse(rest);
                    ASSERT_TRUE(batch && batch->crc_is_right());
                    const auto value = value_of(partition, next);
                    const std::string_view found(reinterpret_cast<const char*>(rest.data()),
                                                 batch->size());
                    ASSERT_NE(found.find(value), std::string_view::npos)
                            << partition << ":" << next;
                    ++next;
                    rest = rest.subspan(batch->size());
                }
            }
        }
    }

    // A process that appends for ever and says on `pipe` what was acknowledged.
    [[noreturn]] void append_for_ever(std::uint32_t shards, int pipe) const {
        try {
            EngineHost host(options(shards));
            append_until(host, UINT64_MAX, [pipe](const Appender& appender) {
                const std::array<std::uint64_t, 2> said{appender.partition(), appender.acked()};
                if (write(pipe, said.data(), sizeof said) != sizeof said) _exit(1);
            });
        } catch (const std::exception& failed) {
            std::fputs(failed.what(), stderr);
        }
        _exit(1);
    }

    // Runs such a process until it has got `more` acks, and kills it.
    Acked kill_under_load(std::uint32_t shards, std::uint64_t more) {
        int ends[2];
        EXPECT_EQ(pipe(ends), 0);
        const auto child = fork();
        if (child == 0) {
            close(ends[0]);
            append_for_ever(shards, ends[1]);
        }
        close(ends[1]);
        Acked acked{};
        Acked first{};
        std::uint64_t got = 0;
        std::array<std::uint64_t, 2> said{};
        bool killed = false;
        while (read(ends[0], said.data(), sizeof said) == sizeof said) {
            if (first[said[0]] == 0) first[said[0]] = said[1] + 1;
            acked[said[0]] = said[1];
            got = 0;
            for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
                if (first[partition] > 0) got += acked[partition] + 1 - first[partition];
            }
            if (got >= more && !std::exchange(killed, true)) kill(child, SIGKILL);
        }
        close(ends[0]);
        int status = 0;
        waitpid(child, &status, 0);
        EXPECT_TRUE(WIFSIGNALED(status)) << "the process ended by itself";
        EXPECT_GE(got, more);
        return acked;
    }

    std::filesystem::path directory_;
};

TEST_P(EngineFiles, HoldEveryAcknowledgedRecordAfterAKill) {
    for (const std::uint32_t shards : {2, 1, 3}) {
        // More than the WAL holds, so that rounds and recycling are under way.
        const auto acked = kill_under_load(shards, 24'000);
        EngineHost host(options(shards == 1 ? 3 : 2));
        EXPECT_FALSE(host.recovery().clean);
        EXPECT_EQ(host.io_name(), GetParam() == engine::IoChoice::threads ? "threads" : "uring");
        const auto ends = check_all(host);
        for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
            EXPECT_GE(ends[partition], acked[partition]) << partition;
        }
        if (HasFailure()) FAIL() << host.events();
    }
}

TEST_P(EngineFiles, HoldEverythingInSegmentsAfterAStop) {
    Acked ends{};
    {
        EngineHost host(options(2));
        append_until(host, 5'000, {});
        ends = open_all(host);
        std::uint64_t recycled = 0;
        std::uint64_t rounds = 0;
        for (std::uint32_t shard = 0; shard < 2; ++shard) {
            host.on_shard(shard, [&](auto& engine) {
                recycled += engine.counters().wal_files_recycled;
                rounds += engine.counters().checkpoints;
            });
        }
        EXPECT_GT(recycled, 0U);
        EXPECT_GT(rounds, 0U);
        host.stop();
    }
    EngineHost host(options(3));
    EXPECT_TRUE(host.recovery().clean) << host.events();
    EXPECT_EQ(host.recovery().wal_groups, 0U);
    EXPECT_EQ(check_all(host), ends);
    for (const auto end : ends)
        EXPECT_EQ(end, 5'000U);
}

INSTANTIATE_TEST_SUITE_P(Backends,
                         EngineFiles,
                         ::testing::Values(engine::IoChoice::uring, engine::IoChoice::threads),
                         [](const auto& param) {
                             return param.param == engine::IoChoice::uring ? "Ring" : "Threads";
                         });

}  // namespace
}  // namespace millrace::testing
