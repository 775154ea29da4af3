// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/batch_builder.h"
#include "engine/units.h"
#include "tests/bench/bench.h"
#include "tests/bench/raw/support.h"
#include "tests/support/engine_host.h"

#include <fmt/format.h>

#include <cstring>
#include <memory>

namespace millrace::bench {

namespace {

constexpr std::uint32_t kShards = 2;
constexpr std::uint32_t kPartitions = 256;
constexpr std::uint32_t kWaiting = 256;
constexpr std::size_t kBatchBytes = 1024;
constexpr std::uint64_t kWalBytes = 256 * engine::kMiB;
constexpr std::uint64_t kSegmentBytes = 16 * engine::kMiB;  // So that a run has rolls.
constexpr engine::TopicId kTopic{{'b', 'e', 'n', 'c', 'h'}};

// One batch of kBatchBytes whose value says its partition.
std::vector<std::byte> batch_of(std::uint32_t partition) {
    constexpr std::size_t kOverhead = engine::kBatchHeaderBytes + 12;
    std::string value = std::to_string(partition) + " ";
    value.resize(kBatchBytes - kOverhead, 'x');
    engine::BatchBuilder builder;
    engine::RecordParts record;
    record.timestamp = 1;
    record.value = std::as_bytes(std::span(value));
    builder.append(record);
    const auto bytes = builder.finish(engine::Codec::none);
    if (!bytes) bench_failed("a batch cannot be built");
    return {bytes->begin(), bytes->end()};
}

struct Partition {
    engine::Log* log = nullptr;
    std::vector<std::byte> batch;
    std::uint64_t acked = 0;
};

class ShardLoad;

struct Slot {
    engine::AppendOp op;
    ShardLoad* load = nullptr;
    Partition* partition = nullptr;
    Slot* next = nullptr;
};

// Keeps a fixed number of durable appends waiting on one shard.
class ShardLoad {
public:
    ShardLoad(engine::ShardEngine& shard, std::uint32_t index, std::uint32_t waiting)
            : slots_(waiting) {
        for (std::uint32_t number = 0; number < kPartitions; ++number) {
            const engine::PartitionKey key{kTopic, number};
            if (engine::shard_of(key, kShards) != index) continue;
            engine::LogConfig config;
            config.segment_bytes = kSegmentBytes;
            auto& log = shard.open_log(key, fmt::format("bench-{}", number), config);
            partitions_.push_back({&log, batch_of(number)});
        }
        for (auto& slot : slots_) {
            slot.load = this;
            slot.op.owner = &slot;
            slot.op.done = [](engine::AppendOp& op) noexcept {
                auto& done = *static_cast<Slot*>(op.owner);
                done.load->acked(done);
            };
            free(slot);
        }
    }

    // True while there is more to append now.
    bool turn() {
        while (running_ && free_ != nullptr) {
            auto& slot = *free_;
            auto& partition = partitions_[next_];
            slot.op.batches = partition.batch;
            slot.partition = &partition;
            const auto appended = partition.log->append(slot.op);
            if (!appended) {
                if (appended.error().code != engine::Errc::no_room)
                    bench_failed("append: " + std::string(name_of(appended.error().code)));
                return false;
            }
            free_ = slot.next;
            ++in_flight_;
            next_ = (next_ + 1) % partitions_.size();
        }
        return false;
    }

    void finish() { running_ = false; }

    [[nodiscard]] bool idle() const { return in_flight_ == 0; }

    [[nodiscard]] std::uint64_t acked_count() const { return acked_; }

    [[nodiscard]] std::vector<Partition>& partitions() { return partitions_; }

private:
    void free(Slot& slot) {
        slot.next = free_;
        free_ = &slot;
    }

    void acked(Slot& slot) {
        if (!slot.op.outcome) bench_failed("an append failed");
        if (slot.op.base_offset.value != static_cast<std::int64_t>(slot.partition->acked))
            bench_failed("an offset is not the next one of its partition");
        ++slot.partition->acked;
        ++acked_;
        --in_flight_;
        free(slot);
    }

    std::vector<Slot> slots_;
    Slot* free_ = nullptr;
    std::vector<Partition> partitions_;
    std::size_t next_ = 0;
    std::uint64_t in_flight_ = 0;
    std::uint64_t acked_ = 0;
    bool running_ = true;
};

// Reads a log from its start and compares every batch. Runs on the shard's thread, step by step.
class Verifier {
public:
    explicit Verifier(Partition& partition) : partition_(partition) {
        op_.owner = this;
        op_.bytes_max = engine::kMiB;
        op_.done = [](engine::ReadOp& op) noexcept {
            auto& self = *static_cast<Verifier*>(op.owner);
            self.check();
            self.pending_ = false;
            self.read();
        };
        op_.limit = partition.log->offsets().visible_end;
        op_.from = engine::Offset(0);
    }

    void read() {
        while (op_.from < op_.limit) {
            if (partition_.log->read(op_) == engine::ReadStatus::pending) {
                pending_ = true;
                return;
            }
            check();
        }
    }

    [[nodiscard]] bool done() const { return !pending_ && op_.from >= op_.limit; }

private:
    void check() {
        if (!op_.outcome)
            bench_failed("reading back: " + std::string(name_of(op_.outcome.error().code)));
        auto expected = op_.from;
        const auto& batch = partition_.batch;
        constexpr auto kSame = engine::batch_at::kAttributes;  // Behind what the broker assigns.
        for (const auto& slice : op_.slices) {
            auto rest = slice.bytes();
            while (!rest.empty()) {
                const auto view = engine::BatchView::parse(rest);
                if (!view || view->base_offset() != expected || view->size() != batch.size() ||
                    std::memcmp(rest.data() + kSame, batch.data() + kSame, batch.size() - kSame) !=
                            0)
                    bench_failed("a batch came back changed or at another offset");
                expected = view->next_offset();
                rest = rest.subspan(view->size());
            }
        }
        if (expected == op_.from) bench_failed("a read below the end gave nothing");
        op_.from = expected;
        op_.slices.clear();
        op_.bytes = 0;
    }

    Partition& partition_;
    engine::ReadOp op_;
    bool pending_ = false;
};

struct Run {
    double batches_per_second = 0;
    std::string counts;
};

void verify(testing::EngineHost& host, std::uint32_t shard, ShardLoad& load) {
    for (auto& partition : load.partitions()) {
        std::unique_ptr<Verifier> verifier;
        host.on_shard(shard, [&](engine::ShardEngine&) {
            verifier = std::make_unique<Verifier>(partition);
            verifier->read();
        });
        for (bool done = false; !done;)
            host.on_shard(shard, [&](engine::ShardEngine&) { done = verifier->done(); });
        if (partition.log->offsets().visible_end.value !=
            static_cast<std::int64_t>(partition.acked))
            bench_failed("a log does not end where its acknowledgements do");
    }
}

Run run_once(const BenchOptions& options) {
    const auto directory = options.directory / "engine-commit";
    std::filesystem::remove_all(directory);
    Run run;
    {
        testing::EngineHostOptions host_options;
        host_options.directory = directory;
        host_options.engine.shards = kShards;
        host_options.engine.wal_bytes = kWalBytes;
        std::vector<std::unique_ptr<ShardLoad>> loads(kShards);  // Shards call them to their end.
        testing::EngineHost host(host_options);
        const auto start = now();
        for (std::uint32_t shard = 0; shard < kShards; ++shard) {
            host.on_shard(shard, [&](engine::ShardEngine& engine) {
                loads[shard] = std::make_unique<ShardLoad>(engine, shard, kWaiting / kShards);
            });
            host.set_turn(shard,
                          [&load = *loads[shard]](engine::ShardEngine&) { return load.turn(); });
        }
        const auto wanted =
                static_cast<std::uint64_t>(options.dirty_bounds * kWalBytes) / kBatchBytes;
        std::uint64_t acked = 0;
        double seconds = 0;
        while (seconds < options.seconds || acked < wanted) {
            timespec wait{.tv_sec = 0, .tv_nsec = 50'000'000};
            ppoll(nullptr, 0, &wait, nullptr);
            acked = 0;
            for (std::uint32_t shard = 0; shard < kShards; ++shard)
                host.on_shard(shard,
                              [&](engine::ShardEngine&) { acked += loads[shard]->acked_count(); });
            seconds = seconds_since(start);
        }
        run.batches_per_second = static_cast<double>(acked) / seconds;
        engine::ShardCounters total;
        for (std::uint32_t shard = 0; shard < kShards; ++shard) {
            host.on_shard(shard, [&](engine::ShardEngine& engine) {
                loads[shard]->finish();
                const auto& counters = engine.counters();
                total.groups += counters.groups;
                total.runs += counters.runs;
                total.segments_rolled += counters.segments_rolled;
                total.checkpoints += counters.checkpoints;
                total.wal_files_recycled += counters.wal_files_recycled;
            });
            for (bool idle = false; !idle;)
                host.on_shard(shard, [&](engine::ShardEngine&) { idle = loads[shard]->idle(); });
            verify(host, shard, *loads[shard]);
        }
        run.counts =
                fmt::format("{} groups, {} runs, {} rolls, {} checkpoints, {} WAL files recycled",
                            total.groups,
                            total.runs,
                            total.segments_rolled,
                            total.checkpoints,
                            total.wal_files_recycled);
    }
    std::filesystem::remove_all(directory);
    return run;
}

}  // namespace

std::vector<Row> measure_engine_commit(const BenchOptions& options) {
    std::vector<double> rates;
    std::string counts;
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
        const auto run = run_once(options);
        rates.push_back(run.batches_per_second);
        counts = run.counts;
    }
    return {{.id = "engine-commit",
             .value = median(rates),
             .unit = "batches/s",
             .bound_text = "0.6 raw_commit, busy cores",
             .limit = [](const Probes& probes) { return 0.6 * probes.commit_busy; },
             .note = "synced; 1 KB batches, 256 partitions, 2 shards, 256 waiting; last run: " +
                     counts,
             .durable = true,
             .obstacle =
                     "256 waiting batches over two logs make groups of about 96, and the "
                     "device takes nearly as long for such a group as for the 256 of "
                     "raw_commit: two flush threads and the flusher, which writes every byte "
                     "a second time, share it, and both shards' loops are half idle meanwhile"}};
}

}  // namespace millrace::bench
