// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The whole engine in one thread: every shard over one simulated disk, time that moves only when
// nothing else can, and a seed that decides whose turn it is. The same seed gives the same run.
//
// Lifecycle:   start(), opens and appends with rounds between them, stop(), destroy. After a crash
//              (SimDisk::crashed while a run goes on) a new host works on the disk that is left.
#pragma once

#include "engine/engine.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sim_storage.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace millrace::testing {

struct SimEngineOptions {
    engine::EngineOptions engine;
    std::uint64_t seed = 0;  // Turns and order of completions; 0: in order.
    bool prefers_synced_writes = false;
    bool lying_sync = false;
    // Called when every shard has started: drops recovered partitions.
    std::function<void(engine::Engine& engine)> decide{};
};

class SimEngineHost final : engine::ShardPost, engine::EngineListener, engine::EventLog {
public:
    // Disk, clock and arena are the caller's and outlive the host.
    SimEngineHost(SimDisk& disk,
                  FakeClock& clock,
                  engine::Arena& arena,
                  const SimEngineOptions& options);
    ~SimEngineHost() override;
    SimEngineHost(const SimEngineHost&) = delete;
    SimEngineHost& operator=(const SimEngineHost&) = delete;

    // Recovers and starts every shard. Recovered logs may be opened afterwards.
    [[nodiscard]] engine::Result<void> start();

    // Drains and flushes every shard. shutting_down: the engine had failed.
    [[nodiscard]] engine::Result<void> stop();

    [[nodiscard]] engine::Log& open_log(const engine::PartitionKey& key,
                                        std::string_view directory,
                                        const engine::LogConfig& config);

    [[nodiscard]] engine::ShardEngine& shard_of(const engine::PartitionKey& key);

    [[nodiscard]] engine::ShardEngine& shard(std::uint32_t index) {
        return *shards_[index]->engine;
    }

    // One loop turn of every shard, in an order of the seed's choice. False: nothing happened and
    // nothing is in flight.
    bool round();

    // Rounds until `condition` holds; time moves to the next deadline when nothing else happens.
    // False: it does not come true.
    [[nodiscard]] bool run_until(const std::function<bool()>& condition);

    // A shard wants a turn at a time that has passed: after a round, it would spin.
    [[nodiscard]] bool overdue() const;

    [[nodiscard]] const engine::Engine& engine() const { return *engine_; }

    // What the engine said when it failed.
    [[nodiscard]] const std::optional<engine::Error>& failure() const { return failure_; }

    // The shard of this partition has failed, or has been told that another one did.
    [[nodiscard]] bool knows_of_failure(const engine::PartitionKey& key) const;

    [[nodiscard]] std::uint32_t failures_reported() const { return failures_reported_; }

    // A start or stop did not end: nothing more may be done but to look at what is left.
    [[nodiscard]] bool stuck() const { return stuck_; }

    // One line for each event.
    [[nodiscard]] const std::string& events() const { return events_; }

    void post(std::uint32_t shard, engine::PostedTask& task) noexcept override;
    [[nodiscard]] std::uint32_t shard_count() const noexcept override;

private:
    struct Shard {
        std::unique_ptr<SimStorage> storage;
        std::unique_ptr<engine::ShardEngine> engine;
        std::deque<engine::PostedTask*> posted;
        bool knows_of_failure = false;
    };

    struct Steps {
        std::vector<engine::EngineOp> ops;
        std::size_t left = 0;
    };

    [[nodiscard]] bool settle();
    void engine_failed(engine::Error error, std::string_view what) noexcept override;
    void event(engine::Level level,
               std::string_view name,
               std::string_view message,
               std::initializer_list<engine::EventField> fields) noexcept override;
    [[nodiscard]] std::unique_ptr<SimStorage> make_storage(std::uint64_t salt);
    bool turn(Shard& shard);
    bool advance_clock();
    [[nodiscard]] engine::Result<void> on_all_shards(
            void (engine::ShardEngine::*step)(engine::EngineOp& op));

    SimDisk& disk_;
    FakeClock& clock_;
    engine::Arena& arena_;
    SimEngineOptions options_;
    std::mt19937_64 random_;
    std::string events_;
    std::optional<engine::Error> failure_;
    Shard* running_ = nullptr;  // Whose turn or step it is.
    std::uint32_t failures_reported_ = 0;
    bool stuck_ = false;
    std::deque<Steps> steps_;  // Starts and stops; the engine may hold on to them.
    std::unique_ptr<engine::Engine> engine_;
    std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace millrace::testing
