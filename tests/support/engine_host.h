// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The engine on real files and threads, without a broker around it: for benchmarks and for tests
// of what only the whole engine shows.
#pragma once

#include "engine/engine.h"
#include "engine/storage_root.h"
#include "tests/support/collected_events.h"

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <poll.h>
#include <string>
#include <thread>
#include <vector>

namespace millrace::testing {

class SystemClock : public engine::Clock {
public:
    [[nodiscard]] engine::MonotonicTime monotonic_now() noexcept override;
    [[nodiscard]] engine::TimestampMs wall_now() noexcept override;
};

struct EngineHostOptions {
    std::filesystem::path directory;
    engine::EngineOptions engine;
    engine::IoChoice io = engine::IoChoice::automatic;
    std::uint64_t arena_bytes = 1ULL << 30;
};

// Lifecycle:   the constructor recovers and starts every shard; all recovered logs may be opened.
//              stop() is a clean stop; the destructor stops too.
// Thread:      one owner; `on_shard` work runs on the shard's thread.
class EngineHost : engine::ShardPost, engine::EngineListener {
public:
    explicit EngineHost(const EngineHostOptions& options);
    ~EngineHost() override;
    EngineHost(const EngineHost&) = delete;
    EngineHost& operator=(const EngineHost&) = delete;

    // Runs `work` on the shard's thread and returns when it has run.
    void on_shard(std::uint32_t shard, const std::function<void(engine::ShardEngine&)>& work);

    // Called at the end of every loop turn of the shard, before the engine's; may append.
    // Set before it is needed by on_shard; keeps the loop from sleeping while it returns true.
    void set_turn(std::uint32_t shard, std::function<bool(engine::ShardEngine&)> turn);

    void stop();

    [[nodiscard]] const engine::RecoverySummary& recovery() const { return engine_->recovery(); }

    [[nodiscard]] std::string events() const { return events_.text(); }

    [[nodiscard]] std::string_view io_name() const { return root_->io_name(); }

    void post(std::uint32_t shard, engine::PostedTask& task) noexcept override;

    [[nodiscard]] std::uint32_t shard_count() const noexcept override {
        return options_.engine.shards;
    }

private:
    struct Shard;

    void engine_failed(engine::Error error, std::string_view what) noexcept override;
    void run(Shard& shard);
    static void run_posted(Shard& shard);

    EngineHostOptions options_;
    CollectedEvents events_;
    SystemClock clock_;
    std::unique_ptr<engine::Arena> arena_;
    std::unique_ptr<engine::StorageRoot> root_;
    std::unique_ptr<engine::Engine> engine_;
    std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace millrace::testing
