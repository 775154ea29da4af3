// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One partition that is in use on this shard: its log, and who waits for records of it.
//
// Lifecycle:   made at its first use, dies when its topic is deleted or the shard stops. A
//              partition that nobody used has none.
// Thread:      its shard's loop.
#pragma once

#include "broker/base/shard_sample.h"
#include "engine/log.h"

namespace millrace::broker {

class Partition;

// Somebody who wants to hear when readers can see more of a partition. Caller-owned, kept still
// while linked.
struct Interest {
    // The visible end moved, or the partition is gone (then `partition` is null and the interest
    // is unlinked). Must not unlink other interests; the reaction belongs in a later task.
    void (*woken)(Interest& interest) noexcept = nullptr;
    void* owner = nullptr;
    Partition* partition = nullptr;  // While linked.
    Interest* next = nullptr;
    Interest* previous = nullptr;
};

class Partition final : public engine::LogListener {
public:
    Partition(const engine::PartitionKey& key, engine::Log& log);
    ~Partition() override;
    Partition(const Partition&) = delete;
    Partition& operator=(const Partition&) = delete;

    [[nodiscard]] const engine::PartitionKey& key() const noexcept { return key_; }

    [[nodiscard]] engine::Log& log() noexcept { return log_; }

    // Since it was opened.
    [[nodiscard]] const Traffic& traffic() const noexcept { return traffic_; }

    void count_in(std::uint64_t records, std::uint64_t bytes) noexcept {
        traffic_.records_in += records;
        traffic_.bytes_in += bytes;
    }

    void count_out(std::uint64_t records, std::uint64_t bytes) noexcept {
        traffic_.records_out += records;
        traffic_.bytes_out += bytes;
    }

    // Requires: not linked.
    void link(Interest& interest) noexcept;
    // Nothing happens when it is not linked.
    static void unlink(Interest& interest) noexcept;

private:
    void visible_end_moved(engine::Offset visible_end) noexcept override;

    engine::PartitionKey key_;
    engine::Log& log_;
    Interest* interests_ = nullptr;
    Traffic traffic_;
};

}  // namespace millrace::broker
