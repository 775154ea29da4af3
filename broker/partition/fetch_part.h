// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The part of a fetch that reads partitions of one shard: which ones, from where, and the wait
// for records. Kept between the polls of a fetch session: a poll costs what has changed, not what
// is watched, because partitions tell their interests when there is more to read.
//
// Lifecycle:   apply changes and poll, one poll at a time; reset; again. Kept still in between.
// Thread:      its shard's loop, from the first apply to the end of reset.
// Order:       partitions with records take turns: who was served goes to the end.
#pragma once

#include "broker/partition/partition_table.h"
#include "engine/buffer.h"
#include "engine/log.h"
#include "engine/shard_post.h"

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

namespace millrace::broker {

struct FetchChange {
    engine::PartitionKey key;
    engine::Offset offset;
    engine::LeaderEpoch epoch = -1;  // Of the last record the reader has; -1: unknown.
    std::uint32_t bytes_max = 0;
    std::uint32_t row = 0;  // The asker's.
    bool forget = false;
};

enum class FetchProblem : std::uint8_t {
    none,
    unknown_topic,
    unknown_partition,
    unknown_leader_epoch,
    log_truncated,
    refused,  // The engine's error says why.
};

struct FetchedRow {
    engine::PartitionKey key;
    std::uint32_t row = 0;
    FetchProblem problem = FetchProblem::none;
    engine::Error error;
    engine::Offset high_watermark{-1};
    engine::Offset log_start{-1};
    engine::EpochEnd diverging;
    std::uint32_t first_slice = 0;  // In the part's slices.
    std::uint32_t slice_count = 0;
    std::uint32_t bytes = 0;
};

class FetchPart {
public:
    FetchPart(PartitionSource& source, engine::ShardPost& post, std::uint32_t shard);
    ~FetchPart();
    FetchPart(const FetchPart&) = delete;
    FetchPart& operator=(const FetchPart&) = delete;

    // Runs when a poll is answered: rows and slices are the asker's until the next poll. Perhaps
    // within poll() or collect().
    void (*answered)(FetchPart& part) noexcept = nullptr;
    void* owner = nullptr;

    // `keyed`: partitions may come again in later changes and be forgotten (a session). Requires:
    // no poll is under way; without `keyed` no partition comes twice before a reset.
    void apply(const std::vector<FetchChange>& changes, bool keyed);

    // `every_row`: partitions without records have a row too, that says where they end.
    // Answered as soon as there are `bytes_min` bytes or any error, at once when it is 0; with at
    // most `bytes_max` bytes, but for a first batch that is larger.
    // Requires: no poll is under way.
    void poll(std::uint32_t bytes_min, std::uint32_t bytes_max, bool every_row) noexcept;

    // Answers a poll that waits with what there is. Nothing happens when none is under way.
    void collect() noexcept;

    // Forgets all partitions; rows and slices stay. Requires: no poll is under way.
    void reset() noexcept;

    [[nodiscard]] bool polling() const noexcept { return polling_; }

    // The last answer holds all that fits.
    [[nodiscard]] bool full() const noexcept { return full_; }

    [[nodiscard]] std::size_t partitions() const noexcept { return items_in_use_; }

    std::vector<FetchedRow> rows;
    std::vector<engine::Slice> slices;
    std::uint32_t bytes = 0;  // Of all rows.

private:
    struct Item;
    enum class Place : std::uint8_t { idle, ready, reading, served };

    struct List {
        Item* first = nullptr;
        Item* last = nullptr;
    };

    Item& take_item();
    void set(Item& item, const FetchChange& change, bool keyed) noexcept;
    void drop(Item& item) noexcept;
    void push(List& list, Item& item, Place place) noexcept;
    void push_front(List& list, Item& item, Place place) noexcept;
    void remove(Item& item) noexcept;
    [[nodiscard]] List* list_of(const Item& item) noexcept;

    void run() noexcept;
    enum class Step : std::uint8_t { next, pending, full };
    [[nodiscard]] Step evaluate(Item& item) noexcept;
    [[nodiscard]] Step take_read(Item& item) noexcept;
    static void read_done(engine::ReadOp& op) noexcept;
    void add_problem(Item& item, FetchProblem problem, engine::Error error = {}) noexcept;
    FetchedRow& add_row(Item& item) noexcept;
    [[nodiscard]] bool diverges(Item& item) noexcept;
    void start_over() noexcept;
    void answer() noexcept;
    static void item_woken(Interest& interest) noexcept;
    void schedule() noexcept;
    static void scheduled(engine::PostedTask& task) noexcept;

    PartitionSource& source_;
    engine::ShardPost& post_;
    std::uint32_t shard_;

    std::deque<Item> items_;  // Never shrinks; an item stays where it is.
    Item* free_ = nullptr;
    Item* used_ = nullptr;
    std::size_t items_in_use_ = 0;
    std::unordered_map<engine::PartitionKey, Item*> by_key_;  // Of keyed items.
    List ready_;                                              // To be looked at.
    List served_;                                             // Have rows in the answer being made.

    bool polling_ = false;
    bool collecting_ = false;
    bool reading_ = false;   // A read is pending.
    bool problems_ = false;  // Rows have errors: no waiting.
    bool more_ = false;      // A read ended before what is there: no waiting.
    bool full_ = false;      // No more fits.
    bool every_row_ = false;
    std::uint32_t bytes_min_ = 0;
    std::uint32_t bytes_max_ = 0;

    struct Wake : engine::PostedTask {
        FetchPart* part = nullptr;
        bool posted = false;
    };

    Wake wake_;
};

}  // namespace millrace::broker
