// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/sim_engine_host.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace millrace::testing {

namespace {

// More than any condition of a small workload needs; a loop that never ends is a finding.
constexpr int kRoundsMax = 100'000;
constexpr int kClockStepsMax = 2'000;

}  // namespace

SimEngineHost::SimEngineHost(SimDisk& disk,
                             FakeClock& clock,
                             engine::Arena& arena,
                             const SimEngineOptions& options)
        : disk_(disk), clock_(clock), arena_(arena), options_(options), random_(options.seed) {}

SimEngineHost::~SimEngineHost() {
    if (!stuck_) static_cast<void>(settle());
    for (auto& shard : shards_)
        shard->engine.reset();
}

std::unique_ptr<SimStorage> SimEngineHost::make_storage(std::uint64_t salt) {
    SimStorageOptions options;
    options.seed = options_.seed == 0 ? 0 : options_.seed * 31 + salt;
    options.prefers_synced_writes = options_.prefers_synced_writes;
    options.lying_sync = options_.lying_sync;
    return std::make_unique<SimStorage>(disk_, options);
}

engine::Result<void> SimEngineHost::start() {
    const engine::EngineParts parts{clock_, *this, arena_, *this, *this};
    {
        const auto storage = make_storage(options_.engine.shards);
        auto recovered = engine::Engine::recover(options_.engine, parts, *storage);
        if (!recovered) return std::unexpected(recovered.error());
        engine_ = std::move(*recovered);
    }
    for (std::uint32_t index = 0; index < options_.engine.shards; ++index) {
        auto& shard = *shards_.emplace_back(std::make_unique<Shard>());
        shard.storage = make_storage(index);
        shard.engine = engine_->make_shard(index, *shard.storage);
    }
    TRY_VOID(on_all_shards(&engine::ShardEngine::start));
    if (options_.decide) options_.decide(*engine_);
    return engine_->recovered_partitions_decided();
}

engine::Result<void> SimEngineHost::stop() {
    const auto outcome = on_all_shards(&engine::ShardEngine::stop);
    stuck_ = stuck_ || !settle();
    return outcome;
}

// Nothing in flight: an engine may be destroyed.
bool SimEngineHost::settle() {
    return run_until([this] {
        return std::ranges::all_of(
                shards_, [](const auto& shard) { return shard->storage->in_flight() == 0; });
    });
}

engine::Result<void> SimEngineHost::on_all_shards(
        void (engine::ShardEngine::*step)(engine::EngineOp& op)) {
    auto& [ops, left] = steps_.emplace_back();
    ops.resize(shards_.size());
    left = ops.size();
    for (std::size_t index = 0; index < ops.size(); ++index) {
        ops[index].owner = &left;
        ops[index].done = [](engine::EngineOp& op) noexcept {
            --*static_cast<std::size_t*>(op.owner);
        };
        running_ = shards_[index].get();
        (running_->engine.get()->*step)(ops[index]);
        running_ = nullptr;
    }
    if (!run_until([&steps = steps_.back()] { return steps.left == 0; })) {
        stuck_ = true;
        return engine::failure(engine::Errc::io_failed);
    }
    for (const auto& op : ops)
        TRY_VOID(op.outcome);
    return {};
}

engine::Log& SimEngineHost::open_log(const engine::PartitionKey& key,
                                     std::string_view directory,
                                     const engine::LogConfig& config) {
    return shard_of(key).open_log(key, directory, config);
}

engine::ShardEngine& SimEngineHost::shard_of(const engine::PartitionKey& key) {
    return *shards_[engine::shard_of(key, options_.engine.shards)]->engine;
}

bool SimEngineHost::knows_of_failure(const engine::PartitionKey& key) const {
    return shards_[engine::shard_of(key, options_.engine.shards)]->knows_of_failure;
}

bool SimEngineHost::turn(Shard& shard) {
    running_ = &shard;
    bool active = false;
    for (auto posted = std::exchange(shard.posted, {}); !posted.empty(); posted.pop_front()) {
        posted.front()->run(*posted.front());
        active = true;
    }
    shard.knows_of_failure = failure_.has_value();  // It was told with what was posted.
    active = shard.engine->run_completions() != 0 || active;
    shard.engine->end_turn();
    running_ = nullptr;
    return active || shard.storage->in_flight() != 0 || !shard.posted.empty();
}

bool SimEngineHost::round() {
    std::vector<std::size_t> order(shards_.size());
    std::iota(order.begin(), order.end(), 0);
    if (options_.seed != 0) std::ranges::shuffle(order, random_);
    bool active = false;
    for (const auto index : order) {
        const bool slow = options_.seed != 0 && shards_.size() > 1 && random_() % 4 == 0;
        active = slow || turn(*shards_[index]) || active;
    }
    return active || std::ranges::any_of(shards_, [](const auto& shard) {
               return !shard->posted.empty() || shard->storage->in_flight() != 0;
           });
}

bool SimEngineHost::run_until(const std::function<bool()>& condition) {
    int clock_steps = 0;
    for (int rounds = 0; rounds < kRoundsMax; ++rounds) {
        if (condition()) return true;
        if (round()) continue;
        if (condition()) return true;
        if (++clock_steps > kClockStepsMax || !advance_clock()) return false;
    }
    return false;
}

bool SimEngineHost::overdue() const {
    return std::ranges::any_of(shards_, [this](const auto& shard) {
        return shard->engine->next_deadline() < clock_.monotonic_now();
    });
}

bool SimEngineHost::advance_clock() {
    auto deadline = engine::MonotonicTime::max();
    for (const auto& shard : shards_)
        deadline = std::min(deadline, shard->engine->next_deadline());
    if (deadline == engine::MonotonicTime::max()) return false;
    const auto wait = deadline - clock_.monotonic_now();
    clock_.advance(std::max<engine::MonotonicTime>(wait, std::chrono::microseconds(1)));
    return true;
}

void SimEngineHost::post(std::uint32_t shard, engine::PostedTask& task) noexcept {
    shards_[shard]->posted.push_back(&task);
}

std::uint32_t SimEngineHost::shard_count() const noexcept {
    return options_.engine.shards;
}

void SimEngineHost::engine_failed(engine::Error error, std::string_view what) noexcept {
    ++failures_reported_;
    if (!failure_) failure_ = error;
    if (running_ != nullptr) running_->knows_of_failure = true;
    events_.append("engine failed: ").append(engine::name_of(error.code));
    events_.append(": ").append(what).append("\n");
}

void SimEngineHost::event(engine::Level /*level*/,
                          std::string_view name,
                          std::string_view message,
                          std::initializer_list<engine::EventField> fields) noexcept {
    events_.append(name).append(": ").append(message);
    for (const auto& field : fields)
        events_.append(" ").append(field.key).append("=").append(field.value);
    events_.append("\n");
}

}  // namespace millrace::testing
