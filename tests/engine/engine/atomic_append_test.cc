// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Atomic appends over the shards of a simulated engine: all parts or none, holds, order, and the
// WAL files that keep parts of other shards.
#include "engine/format/batch_builder.h"
#include "tests/engine/engine/sim_engine_fixture.h"

#include <algorithm>
#include <deque>
#include <set>

namespace millrace::testing {
namespace {

using engine::Errc;
using engine::Offset;

// An atomic append with one record for each partition.
struct TrackedAtomic {
    engine::AtomicAppendOp op;
    std::vector<engine::AtomicPart> parts;
    std::vector<std::vector<std::byte>> batches;
    std::vector<std::string> values;
    bool done = false;
};

class AtomicAppendTest : public SimEngineFixture {
protected:
    ~AtomicAppendTest() override { host_.reset(); }

    struct To {
        std::uint32_t partition = 0;
        std::string value;
        std::optional<std::int64_t> expected{};
    };

    TrackedAtomic& begin(const std::vector<To>& to, std::uint32_t home = 0) {
        auto& atomic = atomics_.emplace_back();
        for (const auto& [partition, value, expected] : to) {
            atomic.batches.push_back(batch_of(value));
            engine::AtomicPart part;
            part.key = key_of(partition);
            if (expected) part.expected_offset = Offset(*expected);
            atomic.parts.push_back(part);
            atomic.values.push_back(value);
        }
        for (std::size_t i = 0; i < to.size(); ++i)
            atomic.parts[i].batches = atomic.batches[i];
        submit(atomic, home);
        return atomic;
    }

    void submit(TrackedAtomic& atomic, std::uint32_t home) {
        auto& op = atomic.op;
        op.parts = atomic.parts;
        op.owner = this;
        op.find_log = [](engine::AtomicAppendOp& asked,
                         std::uint32_t shard,
                         engine::AtomicPart& part) noexcept -> engine::Log* {
            auto& test = *static_cast<AtomicAppendTest*>(asked.owner);
            EXPECT_EQ(engine::shard_of(part.key, test.options_.engine.shards), shard);
            if (part.key.partition >= kPartitions) return nullptr;
            return &test.log(part.key.partition);
        };
        op.done = [](engine::AtomicAppendOp& ended) noexcept {
            auto& test = *static_cast<AtomicAppendTest*>(ended.owner);
            const auto found = std::ranges::find_if(
                    test.atomics_, [&](const auto& each) { return &each.op == &ended; });
            EXPECT_FALSE(found->done);
            found->done = true;
        };
        host_->shard(home % options_.engine.shards).append_atomic(op);
    }

    // Waits for its end, and knows what was stored.
    bool finish(TrackedAtomic& atomic) {
        EXPECT_TRUE(host_->run_until([&] { return atomic.done; })) << events();
        if (!atomic.op.outcome) return false;
        for (std::size_t i = 0; i < atomic.parts.size(); ++i) {
            auto& acked = acked_[atomic.parts[i].key.partition];
            EXPECT_EQ(atomic.parts[i].base_offset.value, static_cast<std::int64_t>(acked.size()));
            acked.push_back(atomic.values[i]);
        }
        return true;
    }

    // Whether an append is refused for a hold.
    bool is_held(std::uint32_t partition) {
        auto& append = appends_.emplace_back();
        const auto begun = begin_append(append, partition, "probe");
        if (begun) {
            acked_[partition].push_back("probe");
            return false;
        }
        EXPECT_EQ(begun.error().code, Errc::log_held);
        return true;
    }

    // Partitions that lie on different shards, one for each.
    std::vector<std::uint32_t> one_on_each_shard() {
        std::vector<std::uint32_t> partitions;
        std::set<std::uint32_t> seen;
        for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
            const auto shard = engine::shard_of(key_of(partition), options_.engine.shards);
            if (seen.insert(shard).second) partitions.push_back(partition);
        }
        EXPECT_EQ(partitions.size(), options_.engine.shards);
        return partitions;
    }

    std::deque<TrackedAtomic> atomics_;
    std::deque<TrackedAppend> appends_;
};

TEST_F(AtomicAppendTest, GoesIntoEveryPartitionAndIsThereAfterAPowerCutWhateverTheShards) {
    ASSERT_TRUE(start(3));
    append_everywhere(1);
    auto& atomic = begin({{0, "a"}, {1, "b"}, {2, "c"}, {3, "d"}, {4, "e"}, {5, "f"}}, 2);
    ASSERT_TRUE(finish(atomic)) << name_of(atomic.op.outcome.error().code);
    check_all();
    append_everywhere(1);
    for (const std::uint32_t shards : {3U, 1U, 2U, 4U}) {
        crash();
        ASSERT_TRUE(start(shards)) << events();
        check_all();
    }
    clean_stop();
    ASSERT_TRUE(start(3)) << events();
    check_all();
}

TEST_F(AtomicAppendTest, OfOneShardAloneWorksToo) {
    ASSERT_TRUE(start(1));
    ASSERT_TRUE(finish(begin({{5, "a"}, {1, "b"}})));
    ASSERT_TRUE(finish(begin({{1, "c"}})));
    append(1);
    crash();
    ASSERT_TRUE(start(1)) << events();
    check_all();
}

TEST_F(AtomicAppendTest, AnyRefusalStoresNothingAndReleasesEveryPartition) {
    ASSERT_TRUE(start(3));
    append_everywhere(1);
    for (std::uint32_t wrong = 0; wrong < kPartitions; ++wrong) {
        std::vector<To> to;
        for (std::uint32_t partition = 0; partition < kPartitions; ++partition)
            to.push_back({partition, "x", partition == wrong ? 7 : 1});
        auto& atomic = begin(to, wrong % 3);
        ASSERT_FALSE(finish(atomic));
        EXPECT_EQ(atomic.op.outcome.error().code, Errc::unexpected_offset);
        EXPECT_EQ(atomic.op.refused_part, wrong);
        EXPECT_EQ(atomic.parts[wrong].end_offset, Offset(1));
    }
    append_everywhere(1);
    check_all();
}

TEST_F(AtomicAppendTest, RefusesWhatAnAppendRefusesAndMore) {
    ASSERT_TRUE(start(2));
    const auto refusal = [&](const std::function<void(TrackedAtomic&)>& spoil) {
        auto& atomic = atomics_.emplace_back();
        for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
            atomic.batches.push_back(batch_of("v"));
            atomic.parts.emplace_back().key = key_of(partition);
        }
        spoil(atomic);
        for (std::size_t i = 0; i < atomic.parts.size() && i < atomic.batches.size(); ++i)
            atomic.parts[i].batches = atomic.batches[i];
        submit(atomic, 1);
        EXPECT_FALSE(finish(atomic));
        return atomic.op.outcome ? std::string("none")
                                 : std::string(name_of(atomic.op.outcome.error().code));
    };
    EXPECT_EQ(refusal([](auto& atomic) { atomic.batches[4].back() ^= std::byte{1}; }),
              "corrupt_batch");
    EXPECT_EQ(refusal([](auto& atomic) { atomic.batches[0].clear(); }), "corrupt_batch");
    EXPECT_EQ(refusal([](auto& atomic) { atomic.parts.clear(); }), "corrupt_batch");
    EXPECT_EQ(refusal([](auto& atomic) { atomic.parts[3].key = key_of(99); }), "unknown_topic_id");
    EXPECT_EQ(refusal([](auto& atomic) { atomic.batches[2] = batch_of(std::string(17000, 'x')); }),
              "batch_too_large");  // A quarter of a WAL file, all together.
    EXPECT_EQ(refusal([](auto& atomic) {
                  engine::BatchBuilder builder;
                  builder.append({.timestamp = 1, .key = {}, .value = engine::Bytes()});
                  const auto batch = builder.finish(engine::Codec::none, {4711, 0, 0});
                  atomic.batches[1] = {batch->begin(), batch->end()};
              }),
              "unsupported_batch");
    append_everywhere(1);
    check_all();
}

TEST_F(AtomicAppendTest, AppendsThatComeMeanwhileWaitAndComeBehindIt) {
    ASSERT_TRUE(start(3));
    const auto partitions = one_on_each_shard();
    std::vector<To> to;
    for (const auto partition : partitions)
        to.push_back({partition, "atomic"});
    auto& atomic = begin(to);
    ASSERT_TRUE(host_->run_until([&] { return is_held(partitions.front()); }));
    bool ready = false;
    engine::LogWaiter waiter;
    waiter.owner = &ready;
    waiter.ready = [](engine::LogWaiter& woken) noexcept {
        *static_cast<bool*>(woken.owner) = true;
    };
    log(partitions.front()).wait_for_release(waiter);
    EXPECT_FALSE(ready);
    ASSERT_TRUE(finish(atomic));
    ASSERT_TRUE(host_->run_until([&] { return ready; }));
    for (const auto partition : partitions)
        append(partition);
    check_all();
}

// From every shard, over partitions that overlap in every way: nobody waits for ever, and the
// offsets of each partition are given once.
TEST_F(AtomicAppendTest, ManyOverTheSamePartitionsAllGoInWithoutADeadlock) {
    ASSERT_TRUE(start(3));
    std::vector<TrackedAtomic*> all;
    for (std::uint32_t number = 0; number < 60; ++number) {
        std::vector<To> to;
        for (std::uint32_t step = 0; step < 2 + number % 4; ++step) {
            // In both directions.
            const auto at = number % 2 == 0 ? number + step : number + kPartitions * 4 - step;
            to.push_back({at % kPartitions, std::to_string(number)});
        }
        all.push_back(&begin(to, number % 3));
        if (number % 5 == 0) host_->round();
    }
    ASSERT_TRUE(host_->run_until([&] {
        return std::ranges::all_of(all, [](const auto* each) { return each->done; });
    })) << events();
    std::vector<std::vector<std::pair<std::int64_t, std::string>>> stored(kPartitions);
    for (const auto* each : all) {
        ASSERT_TRUE(each->op.outcome);
        for (std::size_t i = 0; i < each->parts.size(); ++i) {
            stored[each->parts[i].key.partition].emplace_back(each->parts[i].base_offset.value,
                                                              each->values[i]);
        }
    }
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
        std::ranges::sort(stored[partition]);
        for (const auto& [offset, value] : stored[partition]) {
            EXPECT_EQ(offset, static_cast<std::int64_t>(acked_[partition].size()));
            acked_[partition].push_back(value);
        }
    }
    check_all();
    crash();
    ASSERT_TRUE(start(2)) << events();
    check_all();
}

// Of a class that waits for no flush, on another shard than the entry: when the entry is flushed,
// so is what the partition held before it.
TEST_F(AtomicAppendTest, IsNeverFlushedBeforeWhatItsPartitionsHeld) {
    config_.durability = engine::Durability::memory;
    ASSERT_TRUE(start(3));
    const auto partitions = one_on_each_shard();
    for (const auto partition : partitions) {
        for (int i = 0; i < 3; ++i) {
            auto& append = appends_.emplace_back();
            const auto value = std::to_string(i);
            append.op.durability = engine::Durability::memory;
            ASSERT_TRUE(begin_append(append, partition, value));
            acked_[partition].push_back(value);
        }
    }
    std::vector<To> to;
    for (const auto partition : partitions)
        to.push_back({partition, "atomic"});
    ASSERT_TRUE(finish(begin(to)));
    for (const auto partition : partitions)
        EXPECT_EQ(log(partition).offsets().flushed_end, Offset(4));
    crash();
    ASSERT_TRUE(start(3)) << events();
    check_all();
}

// Entries of one shard's WAL that hold nothing but other shards' batches: its files are kept until
// those are stored, and written over afterwards.
TEST_F(AtomicAppendTest, WalFilesAreKeptForOtherShardsAndThenWrittenOver) {
    ASSERT_TRUE(start(3));
    const auto partitions = one_on_each_shard();
    for (int turn = 0; turn < 400; ++turn) {
        std::vector<To> to;
        for (std::size_t i = 0; i < partitions.size(); ++i)
            to.push_back({partitions[i], std::to_string(turn) + std::string(1500, 'v')});
        auto& atomic = begin(to, static_cast<std::uint32_t>(turn) % 3);
        ASSERT_TRUE(finish(atomic))
                << turn << " " << name_of(atomic.op.outcome.error().code) << "\n"
                << events();
        if (turn % 90 == 89) {
            crash(turn % 2 == 0);
            ASSERT_TRUE(start(turn % 4 == 1 ? 2 : 3)) << events();
        }
    }
    EXPECT_GT(sum(&engine::ShardCounters::wal_files_recycled), 2U);
    check_all();
    clean_stop();
    ASSERT_TRUE(start(1)) << events();
    check_all();
}

TEST_F(AtomicAppendTest, WaitsForRoomHoldingNothing) {
    options_.engine.wal_bytes = 3 * 4 * options_.engine.wal_file_bytes;
    ASSERT_TRUE(start(3));
    const auto partitions = one_on_each_shard();
    std::vector<TrackedAtomic*> all;
    for (int number = 0; number < 60; ++number) {
        std::vector<To> to;
        for (const auto partition : partitions)
            to.push_back({partition, std::to_string(number) + std::string(4000, 'v')});
        all.push_back(&begin(to));
    }
    ASSERT_TRUE(host_->run_until([&] {
        return std::ranges::all_of(all, [](const auto* each) { return each->done; });
    })) << events();
    for (auto* each : all)
        ASSERT_TRUE(each->op.outcome) << name_of(each->op.outcome.error().code);
    append_everywhere(1);
}

TEST_F(AtomicAppendTest, EndsWhenItsTimeIsUpWhileItWaits) {
    ASSERT_TRUE(start(2));
    const auto partitions = one_on_each_shard();
    auto& first = begin({{partitions[0], "a"}, {partitions[1], "b"}});
    auto& late = atomics_.emplace_back();
    late.batches.push_back(batch_of("late"));
    late.parts.emplace_back().key = key_of(partitions[0]);
    late.parts[0].batches = late.batches[0];
    late.op.deadline = clock_.monotonic_now();
    submit(late, 1);
    ASSERT_TRUE(finish(first));
    EXPECT_FALSE(finish(late));
    EXPECT_EQ(late.op.outcome.error().code, Errc::no_room);
    check_all();
}

TEST_F(AtomicAppendTest, AStopWaitsForThoseThatAreUnderWay) {
    for (int rounds = 0; rounds < 12; ++rounds) {
        ASSERT_TRUE(start(3)) << events();
        auto& atomic = begin({{0, "a"}, {1, "b"}, {2, "c"}, {3, "d"}, {4, "e"}});
        for (int round = 0; round < rounds; ++round)
            host_->round();
        ASSERT_TRUE(host_->stop()) << events();
        ASSERT_TRUE(atomic.done) << rounds;
        if (atomic.op.outcome) {
            ASSERT_TRUE(finish(atomic));
        } else {
            EXPECT_EQ(atomic.op.outcome.error().code, Errc::shutting_down);
        }
        host_.reset();
        ASSERT_TRUE(start(2)) << events();
        check_all();
        clean_stop();
    }
}

TEST_F(AtomicAppendTest, APartitionThatIsDeletedMeanwhileHoldsNobodyUp) {
    for (int rounds = 0; rounds < 10; ++rounds) {
        disk_ = SimDisk();
        for (auto& acked : acked_)
            acked.clear();
        ASSERT_TRUE(start(3));
        auto& atomic = begin({{0, "a"}, {1, "b"}, {2, "c"}, {3, "d"}});
        for (int round = 0; round < rounds; ++round)
            host_->round();
        bool gone = false;
        engine::EngineOp removal;
        removal.owner = &gone;
        removal.done = [](engine::EngineOp& op) noexcept { *static_cast<bool*>(op.owner) = true; };
        host_->shard_of(key_of(2)).remove_log(key_of(2), removal);
        ASSERT_TRUE(host_->run_until([&] { return gone && atomic.done; })) << events();
        if (!finish(atomic)) ADD_FAILURE() << name_of(atomic.op.outcome.error().code);
        acked_[2].clear();
        // Where it was opened anew, it was before the append had come to it.
        for (const auto& value : read_all(2))
            acked_[2].push_back(value);
        for (const std::uint32_t partition : {0U, 1U, 3U})
            append(partition);
        check_all();
        clean_stop();
    }
}

}  // namespace
}  // namespace millrace::testing
