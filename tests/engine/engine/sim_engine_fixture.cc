// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/engine/engine/sim_engine_fixture.h"

#include "engine/format/batch_builder.h"
#include "engine/format/batch_reader.h"
#include "engine/format/record_batch.h"

#include <span>

namespace millrace::testing {

engine::PartitionKey key_of(std::uint32_t partition, std::uint8_t topic) {
    return {engine::TopicId{{topic, 2, 3}}, partition};
}

std::vector<std::byte> batch_of(const std::string& value) {
    engine::BatchBuilder builder;
    builder.append({.timestamp = 1'700'000'000'000,
                    .key = {},
                    .value = std::as_bytes(std::span(value)),
                    .headers = {}});
    const auto bytes = builder.finish(engine::Codec::none);
    return {bytes->begin(), bytes->end()};
}

SimEngineFixture::SimEngineFixture() {
    auto& engine = options_.engine;
    engine.wal_file_bytes = 64 * engine::kKiB;
    engine.wal_bytes = 512 * engine::kKiB;
    engine.wal_first_frontier_bytes = 32 * engine::kKiB;
    engine.group_bytes_max = 16 * engine::kKiB;
    engine.run_bytes = 16 * engine::kKiB;
    engine.random_seed = 7;
    config_.segment_bytes = 64 * engine::kKiB;
}

engine::Result<void> SimEngineFixture::start(std::uint32_t shards) {
    options_.engine.shards = shards;
    host_ = std::make_unique<SimEngineHost>(disk_, clock_, arena_, options_);
    if (auto outcome = host_->start(); !outcome) {
        events_ = host_->events();
        host_.reset();
        return outcome;
    }
    open_all();
    return {};
}

void SimEngineFixture::open_all() {
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition)
        static_cast<void>(log(partition));
}

engine::Log& SimEngineFixture::log(std::uint32_t partition) {
    return host_->open_log(key_of(partition), "t-" + std::to_string(partition), config_);
}

engine::Result<void> SimEngineFixture::begin_append(TrackedAppend& append,
                                                    std::uint32_t partition,
                                                    const std::string& value) {
    const auto batch = batch_of(value);
    append.op.batches = batch;
    append.op.owner = &append;
    append.op.done = [](engine::AppendOp& op) noexcept {
        static_cast<TrackedAppend*>(op.owner)->done = true;
    };
    return log(partition).append(append.op);
}

void SimEngineFixture::append(std::uint32_t partition, std::size_t bytes) {
    const auto value = std::to_string(number_++) + std::string(bytes, 'v');
    TrackedAppend append;
    for (;;) {
        const auto begun = begin_append(append, partition, value);
        if (begun) break;
        ASSERT_EQ(begun.error().code, engine::Errc::no_room) << events();
        bool ready = false;
        engine::RoomWaiter waiter;
        waiter.bytes = bytes + 100;
        waiter.owner = &ready;
        waiter.ready = [](engine::RoomWaiter& woken) noexcept {
            *static_cast<bool*>(woken.owner) = true;
        };
        host_->shard_of(key_of(partition)).wait_for_room(waiter);
        ASSERT_TRUE(host_->run_until([&] { return ready; }))
                << partition << " live " << host_->shard_of(key_of(partition)).room() << " rounds "
                << sum(&engine::ShardCounters::checkpoints) << " recycled "
                << sum(&engine::ShardCounters::wal_files_recycled) << " runs "
                << sum(&engine::ShardCounters::runs) << "\n"
                << events();
    }
    ASSERT_TRUE(host_->run_until([&] { return append.done; })) << events();
    ASSERT_TRUE(append.op.outcome) << events();
    acked_[partition].push_back(value);
}

void SimEngineFixture::append_everywhere(int times, std::size_t bytes) {
    for (int time = 0; time < times; ++time) {
        for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
            append(partition, bytes);
            if (HasFatalFailure()) return;
        }
    }
}

std::vector<std::string> SimEngineFixture::read_all(std::uint32_t partition) {
    std::vector<std::string> values;
    auto& log = this->log(partition);
    auto next = log.offsets().log_start;
    while (next < log.offsets().visible_end) {
        bool done = false;
        engine::ReadOp op;
        op.from = next;
        op.limit = log.offsets().visible_end;
        op.bytes_max = 64 * 1024;
        op.owner = &done;
        op.done = [](engine::ReadOp& read) noexcept { *static_cast<bool*>(read.owner) = true; };
        if (log.read(op) == engine::ReadStatus::pending) {
            EXPECT_TRUE(host_->run_until([&] { return done; }))
                    << op.from.value << " of " << log.offsets().flushed_end.value << " seg "
                    << log.segment_count() << "\n"
                    << events();
        }
        EXPECT_TRUE(op.outcome);
        if (!op.outcome || op.next_offset <= next) break;
        std::vector<std::byte> bytes;
        for (const auto& slice : op.slices)
            bytes.insert(bytes.end(), slice.data, slice.data + slice.size);
        engine::Bytes rest(bytes);
        while (!rest.empty()) {
            const auto batch = engine::BatchView::parse(rest);
            if (!batch || !batch->crc_is_right()) {
                ADD_FAILURE() << "a bad batch at " << next.value;
                return values;
            }
            engine::BatchReader reader;
            EXPECT_TRUE(reader.open(*batch, 1 << 20));
            for (auto item = reader.next(); item && *item; item = reader.next()) {
                const auto value = *(*item)->record.value;
                values.emplace_back(reinterpret_cast<const char*>(value.data()), value.size());
            }
            rest = rest.subspan(batch->size());
        }
        next = op.next_offset;
    }
    return values;
}

void SimEngineFixture::check_all() {
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
        EXPECT_EQ(read_all(partition), acked_[partition]) << "partition " << partition;
    }
}

void SimEngineFixture::clean_stop() {
    ASSERT_TRUE(host_->stop()) << events();
    events_ = host_->events();
    host_.reset();
}

void SimEngineFixture::crash(bool survive_all) {
    auto left = survive_all ? disk_.killed() : disk_.crashed([] { return false; }, 512);
    events_ = host_->events();
    host_.reset();
    disk_ = std::move(left);
}

std::uint64_t SimEngineFixture::sum(std::uint64_t engine::ShardCounters::*counter) {
    std::uint64_t total = 0;
    for (std::uint32_t shard = 0; shard < options_.engine.shards; ++shard)
        total += host_->shard(shard).counters().*counter;
    return total;
}

}  // namespace millrace::testing
