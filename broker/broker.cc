// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/broker.h"

#include "broker/announcements.h"
#include "broker/opened_data.h"
#include "broker/request/version.h"
#include "broker/runtime/broker_sampler.h"
#include "broker/runtime/http_listener.h"
#include "broker/runtime/process_limits.h"
#include "broker/runtime/shard_group.h"
#include "broker/runtime/signals.h"
#include "engine/assert.h"

#include <uv.h>

#include <cstdio>
#include <cstring>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace millrace::broker {

namespace {

constexpr std::uint64_t kFailureGraceMilliseconds = 500;  // For answers to those who wait.

int refuse(const std::string& sentence, int status = kExitRefused) {
    std::fprintf(stderr, "millraced: %s\n", sentence.c_str());
    return status;
}

int refuse(const Refusal& refusal) {
    return refuse(refusal.sentence, refusal.status);
}

std::uint64_t random_bits() {
    std::uint64_t bits = 0;
    while (getrandom(&bits, sizeof bits, 0) != sizeof bits) {
    }
    return bits;
}

class Broker final : public StepListener, public SignalListener, public engine::EngineListener {
public:
    explicit Broker(BrokerParts parts)
            : parts_(std::move(parts)),
              options_(parts_.options),
              events_(parts_.events),
              group_(options_.shards, control_, *this) {
        failure_task_.broker = this;
        failure_task_.run = [](engine::PostedTask& task) noexcept {
            static_cast<FailureTask&>(task).broker->end_failed();
        };
        const int failed = uv_loop_init(&loop_);
        ASSERT(failed == 0);
        control_.open(loop_);
    }

    ~Broker() override {
        // A refused start never ran the loop.
        if (uv_loop_alive(&loop_) != 0) {
            control_.close();
            uv_run(&loop_, UV_RUN_DEFAULT);
        }
        uv_loop_close(&loop_);
    }

    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;

    int run() {
        started_at_ = parts_.clock.monotonic_now();
        const auto wall_time = parts_.clock.wall_now();
        auto opened = open_data(options_, events_);
        if (!opened) return refuse(opened.error());
        data_ = std::move(*opened);
        // Of an earlier run: a broker that is still running would have the directory locked.
        if (parts_.ready_file) unlink(parts_.ready_file->c_str());
        if (const int refused = bind_listeners(); refused != 0) return refused;
        make_shared_parts(wall_time);
        if (const int refused = observe(); refused != 0) return refused;
        if (const int refused = recover(); refused != 0) return refused;
        cluster_ = ClusterState::make(
                options_, data_.identity.cluster_id, *engine_, group_, parts_.clock, events_);
        environment_->engine = engine_.get();
        environment_->cluster = cluster_.get();
        signals_ = std::make_unique<Signals>(loop_, *this);
        group_.launch(*environment_,
                      fit_connections(options_.connections_max, options_.shards, events_));
        group_.begin(ShardStep::start_engine);
        uv_run(&loop_, UV_RUN_DEFAULT);
        group_.join();
        announce_stopped(events_, stored_);
        return kExitStopped;
    }

private:
    struct FailureTask : engine::PostedTask {
        Broker* broker = nullptr;
    };

    // Everything of a start before shards run may simply return.
    int bind_listeners();
    void make_shared_parts(engine::TimestampMs wall_time);
    int observe();
    int recover();

    void step_ended(ShardStep step, engine::Result<void> outcome) noexcept override;
    void signalled(int number) noexcept override;
    void engine_failed(engine::Error error, std::string_view what) noexcept override;

    void listen() noexcept;
    void tell_ready() const;
    void begin_stop() noexcept;
    void end_control() noexcept;
    void end_failed() noexcept;
    [[noreturn]] void exit_now(int status) noexcept;

    BrokerParts parts_;
    NodeOptions& options_;
    engine::EventLog& events_;
    engine::MonotonicTime started_at_{};
    uv_loop_t loop_{};
    Mailbox control_;
    ShardGroup group_;
    OpenedData data_;
    std::unique_ptr<engine::Arena> arena_;
    std::unique_ptr<ReceiveBudget> receive_;
    std::unique_ptr<ReceiveBudget> handshake_;
    std::unique_ptr<ResponseBudget> responses_;
    std::unique_ptr<ShardEnvironment> environment_;
    std::unique_ptr<engine::Engine> engine_;
    std::unique_ptr<ClusterState> cluster_;
    std::unique_ptr<Signals> signals_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::unique_ptr<BrokerSampler> sampler_;
    std::unique_ptr<HttpListener> http_;
    FailureTask failure_task_;
    uv_timer_t failure_timer_{};
    bool serving_ = false;
    bool stop_wanted_ = false;
    bool stopping_ = false;
    bool stored_ = true;  // The last checkpoint was written.
};

int Broker::bind_listeners() {
    const auto run = data_.root->directory() / "run";
    if (mkdir(run.c_str(), 0700) != 0 && errno != EEXIST) {
        return refuse(unusable_directory(run, {errno, std::generic_category()}));
    }
    auto addresses = data_.exposure.listeners;
    auto& local = addresses.emplace_back();
    local.name = kUnixListener;
    local.address.unix_path = (run / "millraced.sock").string();
    for (const auto& [name, address] : addresses) {
        auto sockets = bind_to(address);
        if (!sockets && name == kUnixListener && sockets.error().os_errno == ENOSPC) {
            // What is on a full disk shall be readable all the same, over the other listeners.
            events_.event(engine::Level::warning,
                          "listener.left_out",
                          "the disk is full: there is no local socket until the next start",
                          {{"listener", name}, {"error", sockets.error().sentence}});
            continue;
        }
        if (!sockets) return refuse("listener." + name + ": " + sockets.error().sentence);
        listeners_.push_back(std::make_unique<Listener>(ListenerParts{.loop = loop_,
                                                                      .receiver = group_,
                                                                      .clock = parts_.clock,
                                                                      .events = events_},
                                                        name,
                                                        std::move(*sockets)));
    }
    return 0;
}

void Broker::make_shared_parts(engine::TimestampMs wall_time) {
    arena_ = std::make_unique<engine::Arena>(data_.sizes.arena_bytes);
    receive_ = std::make_unique<ReceiveBudget>(data_.sizes.receive_bytes, group_);
    handshake_ = std::make_unique<ReceiveBudget>(kPreAuthenticationBytes, group_);
    responses_ = std::make_unique<ResponseBudget>(data_.sizes.response_bytes);
    environment_ = std::make_unique<ShardEnvironment>(
            ShardEnvironment{.root = *data_.root,
                             .clock = parts_.clock,
                             .events = events_,
                             .watcher = group_,
                             .receive = *receive_,
                             .handshake = *handshake_,
                             .responses = *responses_,
                             .limits = {.request_bytes_max = options_.request_bytes_max,
                                        .requests_in_flight_max = options_.requests_in_flight_max,
                                        .bytes_in_flight_max = options_.bytes_in_flight_max},
                             .spin = options_.spin,
                             .make_service = &ShardService::make});
    sampler_ = std::make_unique<BrokerSampler>(
            SampledParts{.group = group_,
                         .root = *data_.root,
                         .arena = *arena_,
                         .receive = *receive_,
                         .handshake = *handshake_,
                         .responses = *responses_,
                         .listeners = listeners_,
                         .start_time = static_cast<double>(wall_time) / 1000});
}

// Probes are answered from now on: a long recovery can be told from a start that hangs.
int Broker::observe() {
    auto bound = HttpListener::bind(options_, data_.exposure, events_);
    if (!bound) return refuse(bound.error());
    if (*bound == nullptr) return 0;
    auto served =
            (*bound)->serve({.source = *sampler_, .clock = parts_.clock, .version = kVersion});
    if (!served) return refuse(served.error());
    http_ = std::move(*bound);
    announce_listener(events_, std::string(kHttpListener), http_->address());
    return 0;
}

int Broker::recover() {
    const engine::EngineOptions engine_options{
            .shards = options_.shards,
            .wal_bytes = data_.sizes.wal_bytes,
            .commit = options_.commit,
            .groups_in_flight = options_.groups_in_flight,
            .filesystem_bytes = data_.root->filesystem_bytes(),
            .producer_expiration_ms = options_.producer_expiration_ms,
            .compaction_bytes_per_second = options_.compaction_bytes_per_second,
            .scrub_interval_ms = options_.scrub_interval_ms,
            .scrub_bytes_per_second = options_.scrub_bytes_per_second,
            .accept_wal_loss = options_.accept_wal_loss,
            .random_seed = random_bits()};
    const auto began = parts_.clock.monotonic_now();
    auto storage = data_.root->make_storage();
    if (!storage) {
        return refuse("no storage can be made: " + text_of(storage.error()), kExitFailed);
    }
    auto recovered = engine::Engine::recover(
            engine_options, {parts_.clock, events_, *arena_, group_, *this}, **storage);
    if (!recovered) {
        return refuse(
                failed_start(options_.data_directory, "cannot be recovered", recovered.error()));
    }
    engine_ = std::move(*recovered);
    sampler_->set_recovery(parts_.clock.monotonic_now() - began);
    return 0;
}

void Broker::step_ended(ShardStep step, engine::Result<void> outcome) noexcept {
    if (!outcome && step <= ShardStep::start_service) {
        exit_now(refuse(failed_start(options_.data_directory, "cannot be used", outcome.error())));
    }
    switch (step) {
        case ShardStep::start_engine:
            return group_.begin(ShardStep::start_service);
        case ShardStep::start_service:
            return listen();
        case ShardStep::stop_service:
            return group_.begin(ShardStep::close_connections);
        case ShardStep::close_connections:
            return group_.begin(ShardStep::stop_engine);
        case ShardStep::stop_engine:
            if (!outcome) {
                stored_ = false;
                events_.event(engine::Level::warning,
                              "broker.stop",
                              "the last checkpoint could not be written; the next start replays",
                              {{"error", text_of(outcome.error())}});
            }
            http_.reset();  // It asks the shards.
            return group_.begin(ShardStep::end);
        case ShardStep::end:
            return end_control();
    }
}

void Broker::listen() noexcept {
    for (auto& listener : listeners_) {
        const int failed = listener->start();
        if (failed != 0) {
            static_cast<void>(refuse("listener." + listener->name() + " at " + listener->address() +
                                     ": " + std::strerror(failed)));
            exit_now(kExitRefused);
        }
        announce_listener(events_, listener->name(), listener->address());
    }
    announce_exposure(events_, data_.exposure.loopback_only);
    serving_ = true;
    sampler_->set_state(NodeState::serving);
    announce_ready(events_, options_, data_, parts_.clock.monotonic_now() - started_at_);
    tell_ready();
    if (stop_wanted_) begin_stop();
}

void Broker::tell_ready() const {
    if (!parts_.ready_file) return;
    ReadyState state{.version = kVersion,
                     .io = data_.root->io_name(),
                     .shards = options_.shards,
                     .listeners = {}};
    for (const auto& listener : listeners_)
        state.listeners.emplace_back(listener->name(), listener->address());
    if (http_ != nullptr) state.listeners.emplace_back(kHttpListener, http_->address());
    announce_in_file(events_, *parts_.ready_file, state);
}

void Broker::signalled(int number) noexcept {
    const bool second = std::exchange(stop_wanted_, true);
    announce_stop(events_, number, second);
    if (second) exit_now(128 + number);
    if (serving_) begin_stop();
}

void Broker::begin_stop() noexcept {
    if (std::exchange(stopping_, true)) return;
    if (parts_.ready_file) unlink(parts_.ready_file->c_str());
    sampler_->set_state(NodeState::stopping);
    for (auto& listener : listeners_)
        listener->close();
    group_.begin(ShardStep::stop_service);
}

void Broker::end_control() noexcept {
    signals_->close();
    control_.close();
}

void Broker::engine_failed(engine::Error error, std::string_view what) noexcept {
    events_.event(engine::Level::error,
                  "engine.failed",
                  "the disk failed: nothing is appended any more, and the broker ends",
                  {{"operation", std::string(what)}, {"error", text_of(error)}});
    control_.post(failure_task_);
}

// Whoever waits for an acknowledgement hears that there is none; then the process ends.
void Broker::end_failed() noexcept {
    for (auto& listener : listeners_)
        listener->close();
    uv_timer_init(&loop_, &failure_timer_);
    failure_timer_.data = this;
    uv_timer_start(
            &failure_timer_,
            [](uv_timer_t* timer) { static_cast<Broker*>(timer->data)->exit_now(kExitFailed); },
            kFailureGraceMilliseconds,
            0);
}

// Shards are running: nothing may be destroyed under them. What was acknowledged is in the log.
void Broker::exit_now(int status) noexcept {
    if (parts_.ready_file) unlink(parts_.ready_file->c_str());
    _exit(status);
}

}  // namespace

int run_broker(BrokerParts parts) {
    return Broker(std::move(parts)).run();
}

int check_broker(const NodeOptions& options) {
    if (auto exposure = check_exposure(options); !exposure) return refuse(exposure.error());
    return kExitStopped;
}

}  // namespace millrace::broker
