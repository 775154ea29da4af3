// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Shards on real threads, files and sockets, with a service that sends back what it gets.
#include "broker/runtime/shard_group.h"

#include "broker/base/system_clock.h"
#include "broker/runtime/broker_sampler.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <netinet/in.h>
#include <semaphore>
#include <set>
#include <sys/socket.h>
#include <unistd.h>

namespace millrace::broker {
namespace {

class Silence final : public engine::EventLog {
public:
    void event(engine::Level,
               std::string_view,
               std::string_view,
               std::initializer_list<engine::EventField>) noexcept override {}
};

class NoFailure final : public engine::EngineListener {
public:
    void engine_failed(engine::Error, std::string_view what) noexcept override {
        ADD_FAILURE() << what;
    }
};

struct EngineOnly final : ClusterState {
    engine::Engine* engine = nullptr;
};

// Answers with the shard's number and the request's payload, when the service stops or at once.
class EchoService final : public ShardService {
public:
    explicit EchoService(const ShardServiceParts& parts) : parts_(parts) {}

    std::unique_ptr<SampleWalk> sample(SampleDetail, ShardSample& sample) override {
        sample.parked_bytes = 77;
        return nullptr;
    }

    void start(ServiceOp& op) override {
        // As the real one does on shard 0.
        auto& cluster = static_cast<EngineOnly&>(parts_.cluster);
        if (parts_.shard == 0) cluster.engine->recovered_partitions_decided().value();
        op.outcome = {};
        op.done(op);
    }

    void stop(ServiceOp& op) override {
        for (auto& [peer, frame] : held_)
            answer(*peer, frame);
        held_.clear();
        op.outcome = {};
        op.done(op);
    }

    void opened(Peer& peer) noexcept override { peer.set_authenticated(); }

    void frame(Peer& peer, IncomingFrame&& frame) noexcept override {
        constexpr std::uint16_t kHold = 31;
        if (frame.header.api == kHold) {
            held_.emplace_back(&peer, std::move(frame));
        } else {
            answer(peer, frame);
        }
    }

    void drained(Peer&) noexcept override {}

    void closed(Peer&) noexcept override {}

private:
    void answer(Peer& peer, const IncomingFrame& frame) {
        peer.send({.api = static_cast<std::uint16_t>(parts_.shard),
                   .correlation_id = frame.header.correlation_id},
                  frame.payload,
                  {});
        peer.finish_request(frame.header.frame_bytes);
    }

    ShardServiceParts parts_;
    std::vector<std::pair<Peer*, IncomingFrame>> held_;
};

constexpr std::uint32_t kShards = 3;

class ShardGroupTest : public ::testing::Test, StepListener {
protected:
    ShardGroupTest() : group_(kShards, control_, *this) {
        std::string pattern = "/var/tmp/millrace-shards-XXXXXX";
        directory_ = mkdtemp(pattern.data());
        uv_loop_init(&loop_);
        control_.open(loop_);
        root_ = engine::StorageRoot::open(directory_ / "data", {}, events_).value();
        environment_ = std::make_unique<ShardEnvironment>(ShardEnvironment{
                .root = *root_,
                .clock = clock_,
                .events = events_,
                .watcher = group_,
                .receive = receive_,
                .handshake = handshake_,
                .responses = responses_,
                .limits = {},
                .make_service =
                        [](const ShardServiceParts& parts) -> std::unique_ptr<ShardService> {
                    return std::make_unique<EchoService>(parts);
                }});
        const auto storage = root_->make_storage().value();
        engine_ = engine::Engine::recover(
                          {.shards = kShards, .wal_bytes = kShards * 32 * engine::kMiB},
                          {clock_, events_, arena_, group_, failure_},
                          *storage)
                          .value();
        cluster_.engine = engine_.get();
        environment_->engine = engine_.get();
        environment_->cluster = &cluster_;
    }

    ~ShardGroupTest() override {
        control_.close();
        uv_run(&loop_, UV_RUN_DEFAULT);
        EXPECT_EQ(uv_loop_close(&loop_), 0);
        std::filesystem::remove_all(directory_);
    }

    void step_ended(ShardStep step, engine::Result<void> outcome) noexcept override {
        EXPECT_TRUE(outcome);
        steps_.push_back(step);
    }

    void take(ShardStep step) {
        const auto before = steps_.size();
        group_.begin(step);
        while (steps_.size() == before)
            uv_run(&loop_, UV_RUN_ONCE);
        EXPECT_EQ(steps_.back(), step);
    }

    void start(std::uint32_t connections_max = 100) {
        group_.launch(*environment_, connections_max);
        take(ShardStep::start_engine);
        take(ShardStep::start_service);
    }

    void stop() {
        take(ShardStep::stop_service);
        take(ShardStep::close_connections);
        take(ShardStep::stop_engine);
        take(ShardStep::end);
        group_.join();
    }

    SampledParts sampled_parts() {
        return {.group = group_,
                .root = *root_,
                .arena = arena_,
                .receive = receive_,
                .handshake = handshake_,
                .responses = responses_,
                .listeners = listeners_};
    }

    // A client's end; the other one is handed over. -1: turned away.
    int connect() {
        int ends[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        if (!group_.receive(ends[1], "client")) {
            close(ends[0]);
            close(ends[1]);
            return -1;
        }
        return ends[0];
    }

    static void request(int client, std::uint16_t api, std::uint32_t correlation) {
        const wire::FrameHeader header{
                .frame_bytes = 28, .api = api, .correlation_id = correlation};
        std::byte bytes[32] = {};
        wire::store_frame_header(header, std::span(bytes).first<wire::kFrameHeaderBytes>());
        EXPECT_EQ(send(client, bytes, sizeof bytes, 0), 32);
    }

    static wire::FrameHeader answer(int client) {
        std::byte bytes[32] = {};
        EXPECT_EQ(recv(client, bytes, sizeof bytes, MSG_WAITALL), 32);
        return wire::load_frame_header(std::span(bytes).first<wire::kFrameHeaderBytes>());
    }

    std::filesystem::path directory_;
    SystemClock clock_;
    Silence events_;
    NoFailure failure_;
    EngineOnly cluster_;
    engine::Arena arena_{256 << 20};
    uv_loop_t loop_{};
    Mailbox control_;
    ShardGroup group_;
    ReceiveBudget receive_{16 << 20, group_};
    ReceiveBudget handshake_{4 << 20, group_};
    ResponseBudget responses_{16 << 20};
    std::unique_ptr<engine::StorageRoot> root_;
    std::unique_ptr<engine::Engine> engine_;
    std::unique_ptr<ShardEnvironment> environment_;
    std::vector<ShardStep> steps_;
    std::vector<std::unique_ptr<Listener>> listeners_;
};

TEST_F(ShardGroupTest, StartsAndStopsWithNothingInBetween) {
    start();
    stop();
}

TEST_F(ShardGroupTest, SpreadsConnectionsOverItsShardsAndServesThem) {
    start();
    std::vector<int> clients;
    std::multiset<std::uint16_t> shards;
    for (std::uint32_t number = 0; number < 9; ++number) {
        clients.push_back(connect());
        request(clients.back(), 30, number);
        const auto header = answer(clients.back());
        EXPECT_EQ(header.correlation_id, number);
        shards.insert(header.api);
    }
    for (std::uint16_t shard = 0; shard < kShards; ++shard)
        EXPECT_EQ(shards.count(shard), 3U);
    for (const int client : clients)
        close(client);
    stop();
}

TEST_F(ShardGroupTest, TurnsAwayWhoeverIsTooMany) {
    start(2);
    const int first = connect();
    const int second = connect();
    EXPECT_EQ(connect(), -1);
    request(first, 30, 1);
    answer(first);
    close(first);
    close(second);
    stop();
}

TEST_F(ShardGroupTest, SendsTheAnswersOfAStoppingServiceBeforeItCloses) {
    start();
    std::vector<int> clients;
    for (std::uint32_t number = 0; number < 6; ++number) {
        clients.push_back(connect());
        // The second answer says that the first request has been taken.
        request(clients.back(), 31, number);
        request(clients.back(), 30, 100);
        EXPECT_EQ(answer(clients.back()).correlation_id, 100U);
    }
    stop();
    for (std::uint32_t number = 0; number < 6; ++number) {
        EXPECT_EQ(answer(clients[number]).correlation_id, number);
        std::byte one;
        EXPECT_EQ(recv(clients[number], &one, 1, 0), 0);
        close(clients[number]);
    }
}

TEST_F(ShardGroupTest, CarriesTasksBetweenShardsInOrder) {
    start();

    // Goes round all shards, and adds its stop to the list at each.
    struct Traveller : engine::PostedTask {
        ShardGroup* group = nullptr;
        Mailbox* home = nullptr;
        std::uint32_t stops = 0;
        bool back = false;
    };

    Traveller traveller;
    traveller.group = &group_;
    traveller.home = &control_;
    traveller.run = [](engine::PostedTask& task) noexcept {
        auto& self = static_cast<Traveller&>(task);
        if (++self.stops < 3000) {
            self.group->post(self.stops % kShards, self);
            return;
        }
        self.run = [](engine::PostedTask& home) noexcept {
            static_cast<Traveller&>(home).back = true;
        };
        self.home->post(self);
    };
    group_.post(0, traveller);
    while (!traveller.back)
        uv_run(&loop_, UV_RUN_ONCE);
    EXPECT_EQ(traveller.stops, 3000U);
    stop();
}

TEST_F(ShardGroupTest, IsSampledShardByShard) {
    start();
    BrokerSampler sampler(sampled_parts());
    EXPECT_TRUE(sampler.sample(SampleDetail::none).shards.empty());  // It only starts.
    sampler.set_state(NodeState::serving);
    const auto sample = sampler.sample(SampleDetail::none);
    ASSERT_EQ(sample.shards.size(), kShards);
    EXPECT_TRUE(sample.silent.empty());
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
        EXPECT_EQ(sample.shards[shard].shard, shard);
        EXPECT_EQ(sample.shards[shard].parked_bytes, 77U);
        EXPECT_GT(sample.shards[shard].loop.turns.count(), 0U);
    }
    stop();
}

// Keeps a shard's loop from turning until it is let go.
struct Blockade : engine::PostedTask {
    std::binary_semaphore over{0};

    Blockade() {
        run = [](engine::PostedTask& task) noexcept {
            static_cast<Blockade&>(task).over.acquire();
        };
    }
};

TEST_F(ShardGroupTest, NamesTheShardThatIsStuckAndShowsItAsItWas) {
    start();
    BrokerSampler sampler(sampled_parts(), std::chrono::milliseconds(1));
    sampler.set_state(NodeState::serving);
    while (!sampler.sample(SampleDetail::none).silent.empty()) {
    }
    Blockade blockade;
    group_.post(1, blockade);
    for (int scrape = 0; scrape < 2; ++scrape) {
        auto sample = sampler.sample(SampleDetail::none);
        EXPECT_THAT(sample.silent, ::testing::Contains(1U));
        EXPECT_EQ(sample.shards[1].parked_bytes, 77U);
    }
    blockade.over.release();
    while (!sampler.sample(SampleDetail::none).silent.empty()) {
    }
    stop();
}

}  // namespace
}  // namespace millrace::broker
