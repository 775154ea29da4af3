// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Allocations per request once the pools have grown: none. Everything below the request layer is
// a double, so that only its own are counted.
#include "tests/broker/partition/fake_shard.h"
#include "tests/broker/request/counted_allocations.h"
#include "tests/broker/request/requests.h"
#include "tests/broker/request/service_rig.h"
#include "tests/support/collected_events.h"
#include "tests/support/fake_clock.h"

#include <gtest/gtest.h>

namespace millrace::testing {

namespace {

// Acknowledges when told, and serves the same batch at every offset below its end.
class PlainLog final : public engine::Log {
public:
    engine::Result<void> append(engine::AppendOp& op) override {
        op.base_offset = end_;
        end_ += 1;
        waiting_[waiting_count_++] = &op;
        return {};
    }

    void wait_for_producers(engine::LogWaiter&) noexcept override {}

    void wait_for_release(engine::LogWaiter&) noexcept override {}

    void cancel_wait(engine::LogWaiter&) noexcept override {}

    engine::ReadStatus read(engine::ReadOp& op) override {
        op.outcome = {};
        op.slices.push_back({{}, batch_.data(), static_cast<std::uint32_t>(batch_.size())});
        op.bytes += static_cast<std::uint32_t>(batch_.size());
        return engine::ReadStatus::complete;
    }

    void acknowledge() {
        visible_ = end_;
        if (listener_ != nullptr) listener_->visible_end_moved(visible_);
        while (waiting_count_ > 0) {
            auto& op = *waiting_[--waiting_count_];
            op.outcome = {};
            op.done(op);
        }
    }

    void look_up_time(engine::TimeLookupOp&) override {}

    void delete_before(engine::DeleteOp&) override {}

    void expire(engine::DeleteOp&) override {}

    void compact(engine::CompactOp&) override {}

    void check_records(engine::RecordsCheck&) override {}

    void cancel_check(engine::RecordsCheck&) noexcept override {}

    void verify(engine::VerifyOp&) override {}

    [[nodiscard]] engine::LogOffsets offsets() const noexcept override {
        return {engine::Offset(0), visible_, visible_, end_, visible_};
    }

    [[nodiscard]] engine::LeaderEpoch leader_epoch() const noexcept override { return 0; }

    [[nodiscard]] engine::EpochEnd epoch_end(engine::LeaderEpoch) const noexcept override {
        return {};
    }

    [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return 0; }

    [[nodiscard]] std::uint32_t segment_count() const noexcept override { return 0; }

    void set_config(const engine::LogConfig&) noexcept override {}

    void set_listener(engine::LogListener* listener) noexcept override { listener_ = listener; }

private:
    std::vector<std::byte> batch_ = batch_of({"a"});
    engine::Offset end_;
    engine::Offset visible_;
    std::array<engine::AppendOp*, 64> waiting_{};
    std::size_t waiting_count_ = 0;
    engine::LogListener* listener_ = nullptr;
};

class PlainShardEngine final : public engine::ShardEngine {
public:
    void start(engine::EngineOp&) override {}

    void stop(engine::EngineOp&) override {}

    engine::Log& open_log(const engine::PartitionKey& key,
                          std::string_view,
                          const engine::LogConfig&) override {
        return logs_[key];
    }

    engine::Log* find_log(const engine::PartitionKey& key) noexcept override { return &logs_[key]; }

    void adopt(engine::AdoptOp&) override {}

    void append_atomic(engine::AtomicAppendOp& op) override { op.done(op); }

    void remove_log(const engine::PartitionKey&, engine::EngineOp& op) override { op.done(op); }

    void end_turn() noexcept override {
        for (auto& [key, log] : logs_)
            log.acknowledge();
    }

    std::size_t run_completions() noexcept override { return 0; }

    [[nodiscard]] engine::MonotonicTime next_deadline() const noexcept override {
        return engine::MonotonicTime::max();
    }

    void wait_for_room(engine::RoomWaiter&) noexcept override {}

    void cancel_wait(engine::RoomWaiter&) noexcept override {}

    [[nodiscard]] std::uint64_t room() const noexcept override { return 0; }

    [[nodiscard]] std::uint64_t append_bytes_max() const noexcept override { return 8U << 20; }

    [[nodiscard]] bool storage_full() const noexcept override { return false; }

    [[nodiscard]] const engine::ShardCounters& counters() const noexcept override {
        return counters_;
    }

private:
    std::map<engine::PartitionKey, PlainLog> logs_;
    engine::ShardCounters counters_;
};

class EmptyEngine final : public engine::Engine {
public:
    [[nodiscard]] const engine::RecoverySummary& recovery() const noexcept override {
        return summary_;
    }

    std::unique_ptr<engine::ShardEngine> make_shard(std::uint32_t, engine::Storage&) override {
        return nullptr;
    }

    [[nodiscard]] std::vector<engine::PartitionKey> recovered_partitions() const override {
        return {};
    }

    void drop_recovered(const engine::PartitionKey&, std::string_view) override {}

    engine::Result<void> recovered_partitions_decided() override { return {}; }

    [[nodiscard]] bool failed() const noexcept override { return false; }

private:
    engine::RecoverySummary summary_;
};

class AllocationTest : public ::testing::TestWithParam<std::uint32_t>, engine::ShardPost {
protected:
    void SetUp() override {
        cluster_ = broker::ClusterState::make(node_, {}, engine_, *this, clock_, events_);
        for (std::uint32_t index = 0; index < GetParam(); ++index) {
            shards_[index].service = broker::ShardService::make(
                    {index, *cluster_, shards_[index].engine, shards_[index].timers, "plain"});
            shards_[index].posted.reserve(256);
            shards_[index].running.reserve(256);
        }
        std::size_t started = 0;
        std::array<broker::ServiceOp, 2> ops;
        for (std::uint32_t index = 0; index < GetParam(); ++index) {
            ops[index].owner = &started;
            ops[index].done = [](broker::ServiceOp& op) noexcept {
                ++*static_cast<std::size_t*>(op.owner);
            };
            shards_[index].service->start(ops[index]);
            settle();
        }
        ASSERT_EQ(started, GetParam());
        shards_[0].service->opened(peer_);
        ask(hello_request());
        ask(create_topic_request("orders", 16));
        ASSERT_EQ(peer_.answers.size(), 2U);
        const auto* made = peer_.answers[1].as<wire::CreateTopicsResponse>()->topics()->Get(0);
        id_ = {};
        const auto text = made->id();
        for (unsigned byte = 0; byte < 8; ++byte) {
            id_.bytes[byte] = static_cast<std::uint8_t>(text->high() >> (56 - 8 * byte));
            id_.bytes[8 + byte] = static_cast<std::uint8_t>(text->low() >> (56 - 8 * byte));
        }
        peer_.record = false;
    }

    void TearDown() override {
        shards_[0].service->closed(peer_);
        settle();
        std::size_t stopped = 0;
        std::array<broker::ServiceOp, 2> ops;
        for (std::uint32_t index = 0; index < GetParam(); ++index) {
            ops[index].owner = &stopped;
            ops[index].done = [](broker::ServiceOp& op) noexcept {
                ++*static_cast<std::size_t*>(op.owner);
            };
            shards_[index].service->stop(ops[index]);
        }
        settle();
        EXPECT_EQ(stopped, GetParam());
        for (auto& shard : shards_)
            shard.service.reset();
    }

    void settle() {
        for (int round = 0; round < 20; ++round) {
            for (auto& shard : shards_) {
                std::swap(shard.posted, shard.running);
                for (auto* task : shard.running)
                    task->run(*task);
                shard.running.clear();
                shard.engine.end_turn();
            }
        }
    }

    // Returns the allocations from the frame's arrival to its answer.
    std::uint64_t ask(const RequestFrame& request) {
        auto frame = request.incoming();
        ++peer_.requests_in_flight;
        peer_.bytes_in_flight += request.header.frame_bytes;
        const auto before = counted_allocations();
        shards_[0].service->frame(peer_, std::move(frame));
        settle();
        EXPECT_EQ(peer_.requests_in_flight, 0);
        return counted_allocations() - before;
    }

    void expect_none(const RequestFrame& request) {
        for (int round = 0; round < 20; ++round)
            ask(request);
        const auto answers = peer_.answers_counted;
        std::uint64_t counted = 0;
        for (int round = 0; round < 100; ++round)
            counted += ask(request);
        EXPECT_EQ(counted, 0U);
        EXPECT_EQ(peer_.answers_counted, answers + 100);
    }

    void post(std::uint32_t shard, engine::PostedTask& task) noexcept override {
        shards_[shard].posted.push_back(&task);
    }

    [[nodiscard]] std::uint32_t shard_count() const noexcept override { return GetParam(); }

    struct Shard {
        PlainShardEngine engine;
        ManualTimers timers;
        std::unique_ptr<broker::ShardService> service;
        std::vector<engine::PostedTask*> posted;
        std::vector<engine::PostedTask*> running;
    };

    broker::NodeOptions node_;
    EmptyEngine engine_;
    FakeClock clock_;
    CollectedEvents events_;
    std::unique_ptr<broker::ClusterState> cluster_;
    std::array<Shard, 2> shards_;
    PeerDouble peer_{0};
    engine::TopicId id_;
};

TEST_P(AllocationTest, NoneForAProduceOfOnePartition) {
    expect_none(produce_request({{{id_, 0}, batch_of({"a"})}}));
}

TEST_P(AllocationTest, NoneForAProduceOfManyPartitions) {
    std::vector<Batches> batches;
    for (std::uint32_t partition = 0; partition < 16; ++partition) {
        batches.push_back({{id_, partition}, batch_of({"a", "b"})});
    }
    expect_none(produce_request(batches));
}

TEST_P(AllocationTest, NoneForAFetchWithoutASession) {
    ask(produce_request({{{id_, 0}, batch_of({"a"})}, {{id_, 1}, batch_of({"a"})}}));
    expect_none(fetch_request({{{id_, 0}}, {{id_, 1}}, {{id_, 2}}}));
}

TEST_P(AllocationTest, NoneForAFetchThatWaits) {
    for (int round = 0; round < 20; ++round)
        ask(produce_request({{{id_, 5}, batch_of({"a"})}}));
    std::uint64_t counted = 0;
    for (int round = 0; round < 60; ++round) {
        auto waiting = fetch_request({{{id_, 5}, 20 + round}}).incoming();
        const auto produce = produce_request({{{id_, 5}, batch_of({"a"})}});
        auto record = produce.incoming();
        peer_.requests_in_flight += 2;
        peer_.bytes_in_flight += waiting.header.frame_bytes + record.header.frame_bytes;
        const auto before = counted_allocations();
        shards_[0].service->frame(peer_, std::move(waiting));
        settle();
        EXPECT_EQ(peer_.requests_in_flight, 2);
        shards_[0].service->frame(peer_, std::move(record));
        settle();
        EXPECT_EQ(peer_.requests_in_flight, 0);
        if (round >= 20) counted += counted_allocations() - before;
    }
    EXPECT_EQ(counted, 0U);
}

TEST_P(AllocationTest, NoneForAPollOfASession) {
    peer_.record = true;
    ask(fetch_request({{{id_, 0}}, {{id_, 1}}}, {.session_epoch = 0, .wait_max_ms = 0}));
    const auto session = peer_.answers.back().as<wire::FetchResponse>()->session_id();
    peer_.record = false;
    ask(produce_request({{{id_, 0}, batch_of({"a"})}}));
    std::uint64_t counted = 0;
    for (std::uint32_t epoch = 1; epoch <= 60; ++epoch) {
        const auto allocated = ask(
                fetch_request({{{id_, 0}, 0}},
                              {.session_id = session, .session_epoch = epoch, .wait_max_ms = 0}));
        if (epoch > 20) counted += allocated;
    }
    EXPECT_EQ(counted, 0U);
}

INSTANTIATE_TEST_SUITE_P(Shards, AllocationTest, ::testing::Values(1U, 2U));

}  // namespace

}  // namespace millrace::testing
