// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/broker/request/service_rig.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace millrace::testing {

namespace {

constexpr int kRoundsMax = 200'000;
constexpr int kClockStepsMax = 20'000;

}  // namespace

void RigTimers::arm(broker::Timer& timer, engine::MonotonicTime deadline) noexcept {
    EXPECT_FALSE(timer.armed);
    timer.armed = true;
    timer.deadline = deadline;
    armed_.push_back(&timer);
}

void RigTimers::disarm(broker::Timer& timer) noexcept {
    timer.armed = false;
    std::erase(armed_, &timer);
}

bool RigTimers::fire_due() {
    const auto now = clock_.monotonic_now();
    const auto due = std::ranges::find_if(
            armed_, [now](const auto* timer) { return timer->deadline <= now; });
    if (due == armed_.end()) return false;
    auto& timer = **due;
    disarm(timer);
    timer.fired(timer);
    return true;
}

engine::MonotonicTime RigTimers::next() const {
    auto earliest = engine::MonotonicTime::max();
    for (const auto* timer : armed_)
        earliest = std::min(earliest, timer->deadline);
    return earliest;
}

ServiceRig::ServiceRig(SimDisk& disk, const RigOptions& options) : disk_(disk), options_(options) {
    node_.shards = options.shards;
    node_.accept_wal_loss = options.accept_wal_loss;
}

ServiceRig::~ServiceRig() {
    if (!stopped_ && !shards_.empty()) static_cast<void>(stop());
    for (auto& shard : shards_) {
        shard->service.reset();
        shard->engine.reset();
    }
}

engine::Result<void> ServiceRig::start() {
    engine::EngineOptions options;
    options.shards = options_.shards;
    options.wal_bytes = options_.wal_bytes;
    options.accept_wal_loss = options_.accept_wal_loss;
    options.random_seed = 1;
    const engine::EngineParts parts{clock_, events_, arena_, *this, *this};
    {
        SimStorage storage(disk_);
        auto recovered = engine::Engine::recover(options, parts, storage);
        if (!recovered) return std::unexpected(recovered.error());
        engine_ = std::move(*recovered);
    }
    std::array<std::uint8_t, 16> cluster_id{1, 2, 3};
    cluster_ = broker::ClusterState::make(node_, cluster_id, *engine_, *this, clock_, events_);
    for (std::uint32_t index = 0; index < options_.shards; ++index) {
        auto& shard = *shards_.emplace_back(std::make_unique<Shard>());
        shard.storage = std::make_unique<SimStorage>(disk_);
        shard.engine = engine_->make_shard(index, *shard.storage);
        shard.timers = std::make_unique<RigTimers>(clock_);
    }
    TRY_VOID(run_engines(&engine::ShardEngine::start));
    for (std::uint32_t index = 0; index < options_.shards; ++index) {
        auto& shard = *shards_[index];
        shard.service = broker::ShardService::make(
                {index, *cluster_, *shard.engine, *shard.timers, "simulated"});
    }
    for (auto& shard : shards_)
        TRY_VOID(run_service(*shard, &broker::ShardService::start));
    return {};
}

void ServiceRig::stop_services() {
    std::size_t left = shards_.size();
    for (auto& shard : shards_) {
        auto& op = service_ops_.emplace_back();
        op.owner = &left;
        op.done = [](broker::ServiceOp& done) noexcept {
            --*static_cast<std::size_t*>(done.owner);
        };
        shard->service->stop(op);
    }
    EXPECT_TRUE(run_until([&left] { return left == 0; })) << "a service does not stop";
}

engine::Result<void> ServiceRig::stop() {
    stopped_ = true;
    if (shards_.back()->service != nullptr) stop_services();
    for (auto& peer : peers_) {
        if (!peer->closed) close(*peer);
    }
    settle();
    return run_engines(&engine::ShardEngine::stop);
}

engine::Result<void> ServiceRig::run_engines(
        void (engine::ShardEngine::*step)(engine::EngineOp& op)) {
    std::size_t left = shards_.size();
    std::vector<engine::EngineOp*> ops;
    for (auto& shard : shards_) {
        auto& op = engine_ops_.emplace_back();
        op.owner = &left;
        op.done = [](engine::EngineOp& done) noexcept { --*static_cast<std::size_t*>(done.owner); };
        ops.push_back(&op);
        (shard->engine.get()->*step)(op);
    }
    if (!run_until([&left] { return left == 0; })) {
        ADD_FAILURE() << "the engine does not start or stop: " << events();
        return engine::failure(engine::Errc::io_failed);
    }
    for (const auto* op : ops)
        TRY_VOID(op->outcome);
    return {};
}

engine::Result<void> ServiceRig::run_service(
        Shard& shard, void (broker::ShardService::*step)(broker::ServiceOp& op)) {
    bool done = false;
    auto& op = service_ops_.emplace_back();
    op.owner = &done;
    op.done = [](broker::ServiceOp& finished) noexcept {
        *static_cast<bool*>(finished.owner) = true;
    };
    (shard.service.get()->*step)(op);
    if (!run_until([&done] { return done; })) {
        ADD_FAILURE() << "a service does not start: " << events();
        return engine::failure(engine::Errc::io_failed);
    }
    return op.outcome;
}

PeerDouble& ServiceRig::open(std::uint32_t shard) {
    auto& peer = *peers_.emplace_back(std::make_unique<PeerDouble>(shard));
    shards_[shard]->service->opened(peer);
    return peer;
}

PeerDouble& ServiceRig::connect(std::uint32_t shard) {
    auto& peer = open(shard);
    const auto answer = ask(peer, hello_request());
    EXPECT_TRUE(peer.authenticated);
    return peer;
}

void ServiceRig::close(PeerDouble& peer) {
    peer.closed = true;
    shards_[peer.shard]->service->closed(peer);
}

void ServiceRig::drained(PeerDouble& peer) {
    shards_[peer.shard]->service->drained(peer);
}

void ServiceRig::send(PeerDouble& peer, const RequestFrame& request) {
    ++peer.requests_in_flight;
    peer.bytes_in_flight += request.header.frame_bytes;
    shards_[peer.shard]->service->frame(peer, request.incoming());
}

Answer ServiceRig::ask(PeerDouble& peer, const RequestFrame& request) {
    send(peer, request);
    const auto find = [&] {
        return std::ranges::find_if(peer.answers, [&](const auto& answer) {
            return answer.header.correlation_id == request.header.correlation_id;
        });
    };
    const bool answered = run_until([&] { return find() != peer.answers.end(); });
    EXPECT_TRUE(answered) << "no answer to API " << request.header.api << "\n" << events();
    if (!answered) return {};
    EXPECT_EQ(find()->header.api, request.header.api);
    return *find();
}

bool ServiceRig::turn(Shard& shard) {
    bool active = false;
    for (auto posted = std::exchange(shard.posted, {}); !posted.empty(); posted.pop_front()) {
        posted.front()->run(*posted.front());
        active = true;
    }
    active = shard.timers->fire_due() || active;
    active = shard.engine->run_completions() != 0 || active;
    shard.engine->end_turn();
    return active || shard.storage->in_flight() != 0 || !shard.posted.empty();
}

bool ServiceRig::round() {
    bool active = false;
    for (auto& shard : shards_)
        active = turn(*shard) || active;
    return active;
}

bool ServiceRig::run_until(const std::function<bool()>& condition) {
    int clock_steps = 0;
    for (int rounds = 0; rounds < kRoundsMax; ++rounds) {
        if (condition()) return true;
        if (round()) continue;
        if (condition()) return true;
        if (++clock_steps > kClockStepsMax || !advance_clock()) return false;
    }
    return false;
}

void ServiceRig::settle() {
    for (int rounds = 0; rounds < kRoundsMax && round(); ++rounds) {
    }
}

void ServiceRig::advance(std::chrono::milliseconds time) {
    settle();
    clock_.advance(time);
    settle();
}

bool ServiceRig::advance_clock() {
    auto deadline = engine::MonotonicTime::max();
    for (const auto& shard : shards_) {
        deadline = std::min({deadline, shard->engine->next_deadline(), shard->timers->next()});
    }
    if (deadline == engine::MonotonicTime::max()) return false;
    const auto wait = deadline - clock_.monotonic_now();
    clock_.advance(std::max<engine::MonotonicTime>(wait, std::chrono::microseconds(1)));
    return true;
}

void ServiceRig::post(std::uint32_t shard, engine::PostedTask& task) noexcept {
    shards_[shard]->posted.push_back(&task);
}

void ServiceRig::engine_failed(engine::Error error, std::string_view what) noexcept {
    if (options_.engine_may_fail) return;
    ADD_FAILURE() << "engine failed: " << engine::name_of(error.code) << " " << error.os_errno
                  << ": " << what << "\n"
                  << events();
}

}  // namespace millrace::testing
