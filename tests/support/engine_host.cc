// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/engine_host.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <sys/eventfd.h>
#include <unistd.h>

namespace millrace::testing {

engine::MonotonicTime SystemClock::monotonic_now() noexcept {
    return std::chrono::steady_clock::now().time_since_epoch();
}

engine::TimestampMs SystemClock::wall_now() noexcept {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

struct EngineHost::Shard {
    std::uint32_t index = 0;
    int wake = -1;
    std::mutex mutex;
    engine::PostedTask* first = nullptr;
    engine::PostedTask* last = nullptr;
    std::unique_ptr<engine::Storage> storage;
    std::unique_ptr<engine::ShardEngine> engine;
    std::function<bool(engine::ShardEngine&)> turn;
    bool stopping = false;
    std::thread thread;
};

namespace {

// One unit of work for a shard that somebody waits for.
struct AwaitedTask : engine::PostedTask {
    const std::function<void()>* work = nullptr;
    std::mutex mutex;
    std::condition_variable ended;
    bool done = false;

    void finish() {
        const std::lock_guard lock(mutex);
        done = true;
        ended.notify_one();
    }

    void await() {
        std::unique_lock lock(mutex);
        ended.wait(lock, [this] { return done; });
    }
};

void require(const engine::Result<void>& outcome, const char* what, const std::string& events) {
    if (outcome) return;
    throw std::runtime_error(std::string(what) + ": " +
                             std::string(engine::name_of(outcome.error().code)) + "\n" + events);
}

}  // namespace

EngineHost::EngineHost(const EngineHostOptions& options) : options_(options) {
    auto root = engine::StorageRoot::open(options_.directory, {.io = options_.io}, events_);
    if (!root) throw std::runtime_error("storage root:\n" + events());
    root_ = std::move(*root);
    options_.engine.filesystem_bytes = root_->filesystem_bytes();
    arena_ = std::make_unique<engine::Arena>(options_.arena_bytes);
    const engine::EngineParts parts{clock_, events_, *arena_, *this, *this};
    {
        auto storage = root_->make_storage();
        if (!storage) throw std::runtime_error("storage:\n" + events());
        auto recovered = engine::Engine::recover(options_.engine, parts, **storage);
        if (!recovered) throw std::runtime_error("recovery:\n" + events());
        engine_ = std::move(*recovered);
    }
    for (std::uint32_t index = 0; index < options_.engine.shards; ++index) {
        auto& shard = *shards_.emplace_back(std::make_unique<Shard>());
        shard.index = index;
        shard.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    for (auto& shard : shards_) {
        shard->thread = std::thread([this, &shard = *shard] { run(shard); });
    }
    for (auto& shard : shards_) {
        AwaitedTask task;
        engine::EngineOp start;
        start.owner = &task;
        start.done = [](engine::EngineOp& op) noexcept {
            static_cast<AwaitedTask*>(op.owner)->finish();
        };
        on_shard(shard->index, [&](engine::ShardEngine& engine) { engine.start(start); });
        task.await();
        require(start.outcome, "start of a shard", events());
    }
    on_shard(0, [this](engine::ShardEngine&) {
        require(engine_->recovered_partitions_decided(), "recovered partitions", events());
    });
}

EngineHost::~EngineHost() {
    stop();
}

void EngineHost::on_shard(std::uint32_t shard,
                          const std::function<void(engine::ShardEngine&)>& work) {
    AwaitedTask task;
    const std::function<void()> bound = [&] { work(*shards_[shard]->engine); };
    task.work = &bound;
    task.run = [](engine::PostedTask& posted) noexcept {
        auto& awaited = static_cast<AwaitedTask&>(posted);
        (*awaited.work)();
        awaited.finish();
    };
    post(shard, task);
    task.await();
}

void EngineHost::set_turn(std::uint32_t shard, std::function<bool(engine::ShardEngine&)> turn) {
    on_shard(shard, [&](engine::ShardEngine&) { shards_[shard]->turn = std::move(turn); });
}

void EngineHost::stop() {
    if (shards_.empty()) return;
    std::vector<std::unique_ptr<AwaitedTask>> tasks;
    std::vector<engine::EngineOp> stops(shards_.size());
    for (auto& shard : shards_) {
        auto& task = *tasks.emplace_back(std::make_unique<AwaitedTask>());
        auto& stop = stops[shard->index];
        stop.owner = &task;
        stop.done = [](engine::EngineOp& op) noexcept {
            static_cast<AwaitedTask*>(op.owner)->finish();
        };
        on_shard(shard->index, [&](engine::ShardEngine& engine) { engine.stop(stop); });
    }
    for (auto& task : tasks)
        task->await();
    for (auto& shard : shards_) {
        on_shard(shard->index, [&](engine::ShardEngine&) { shard->stopping = true; });
        shard->thread.join();
        close(shard->wake);
    }
    shards_.clear();
}

void EngineHost::post(std::uint32_t index, engine::PostedTask& task) noexcept {
    auto& shard = *shards_[index];
    {
        const std::lock_guard lock(shard.mutex);
        task.next = nullptr;
        (shard.first == nullptr ? shard.first : shard.last->next) = &task;
        shard.last = &task;
    }
    eventfd_write(shard.wake, 1);
}

void EngineHost::engine_failed(engine::Error error, std::string_view what) noexcept {
    events_.event(engine::Level::error,
                  "engine.failed",
                  what,
                  {{"error", std::string(engine::name_of(error.code))}});
}

void EngineHost::run_posted(Shard& shard) {
    engine::PostedTask* task = nullptr;
    {
        const std::lock_guard lock(shard.mutex);
        task = std::exchange(shard.first, nullptr);
        shard.last = nullptr;
    }
    while (task != nullptr) {
        auto* next = task->next;
        task->next = nullptr;
        task->run(*task);
        task = next;
    }
}

void EngineHost::run(Shard& shard) {
    auto storage = root_->make_storage();
    if (!storage) std::terminate();
    shard.storage = std::move(*storage);
    shard.engine = engine_->make_shard(shard.index, *shard.storage);
    while (!shard.stopping) {
        const bool busy = shard.turn && shard.turn(*shard.engine);
        shard.engine->end_turn();
        const auto wait = shard.engine->next_deadline() - clock_.monotonic_now();
        const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(
                std::clamp<engine::MonotonicTime>(wait, {}, std::chrono::seconds(60)));
        pollfd entries[2] = {
                {.fd = shard.storage->wake_descriptor(), .events = POLLIN, .revents = 0},
                {.fd = shard.wake, .events = POLLIN, .revents = 0}};
        poll(entries, 2, busy ? 0 : static_cast<int>(milliseconds.count()));
        eventfd_t ignored = 0;
        if (entries[1].revents != 0) eventfd_read(shard.wake, &ignored);
        shard.engine->run_completions();
        run_posted(shard);
    }
    shard.engine.reset();
    shard.storage.reset();
}

}  // namespace millrace::testing
