// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/partition/fetch_part.h"

#include "engine/assert.h"

#include <algorithm>

namespace millrace::broker {

struct FetchPart::Item {
    FetchPart* part = nullptr;
    Interest interest;
    engine::PartitionKey key;
    engine::Offset offset;
    engine::LeaderEpoch epoch = -1;
    std::uint32_t bytes_max = 0;
    std::uint32_t row = 0;
    bool keyed = false;
    bool has_row = false;  // In the answer being made.
    // What the reader was told last: a session's rows say what changed.
    engine::Offset told_high_watermark{-1};
    engine::Offset told_log_start{-1};
    engine::ReadOp read;
    Place place = Place::idle;
    Item* next = nullptr;  // In its list, or among the free ones.
    Item* previous = nullptr;
    Item* next_used = nullptr;
    Item* previous_used = nullptr;
};

FetchPart::FetchPart(PartitionSource& source, engine::ShardPost& post, std::uint32_t shard)
        : source_(source), post_(post), shard_(shard) {
    wake_.part = this;
    wake_.run = &FetchPart::scheduled;
}

FetchPart::~FetchPart() {
    ASSERT(!polling_);
    reset();
}

void FetchPart::apply(const std::vector<FetchChange>& changes, bool keyed) {
    ASSERT(!polling_);
    for (const auto& change : changes) {
        if (!keyed) {
            set(take_item(), change, false);
            continue;
        }
        const auto found = by_key_.find(change.key);
        if (found != by_key_.end()) {
            if (change.forget) {
                drop(*found->second);
            } else {
                set(*found->second, change, true);
            }
        } else if (!change.forget) {
            auto& item = take_item();
            set(item, change, true);
            by_key_[change.key] = &item;
        }
    }
}

FetchPart::Item& FetchPart::take_item() {
    auto* item = free_;
    if (item != nullptr) {
        free_ = item->next;
        item->next = nullptr;
    } else {
        item = &items_.emplace_back();
        item->part = this;
        item->interest.owner = item;
        item->interest.woken = &FetchPart::item_woken;
        item->read.owner = item;
        item->read.done = &FetchPart::read_done;
    }
    item->previous_used = nullptr;
    item->next_used = used_;
    if (used_ != nullptr) used_->previous_used = item;
    used_ = item;
    ++items_in_use_;
    return *item;
}

void FetchPart::set(Item& item, const FetchChange& change, bool keyed) noexcept {
    item.key = change.key;
    item.offset = change.offset;
    item.epoch = change.epoch;
    item.bytes_max = change.bytes_max;
    item.row = change.row;
    item.keyed = keyed;
    item.told_high_watermark = engine::Offset(-1);
    item.told_log_start = engine::Offset(-1);
    if (item.place == Place::idle) push(ready_, item, Place::ready);
}

void FetchPart::drop(Item& item) noexcept {
    remove(item);
    Partition::unlink(item.interest);
    if (item.keyed) by_key_.erase(item.key);
    (item.previous_used != nullptr ? item.previous_used->next_used : used_) = item.next_used;
    if (item.next_used != nullptr) item.next_used->previous_used = item.previous_used;
    item.next = free_;
    free_ = &item;
    --items_in_use_;
}

FetchPart::List* FetchPart::list_of(const Item& item) noexcept {
    switch (item.place) {
        case Place::ready:
            return &ready_;
        case Place::served:
            return &served_;
        case Place::idle:
        case Place::reading:
            break;
    }
    return nullptr;
}

void FetchPart::push(List& list, Item& item, Place place) noexcept {
    ASSERT(item.place == Place::idle);
    item.place = place;
    item.next = nullptr;
    item.previous = list.last;
    (list.last != nullptr ? list.last->next : list.first) = &item;
    list.last = &item;
}

void FetchPart::push_front(List& list, Item& item, Place place) noexcept {
    ASSERT(item.place == Place::idle);
    item.place = place;
    item.previous = nullptr;
    item.next = list.first;
    (list.first != nullptr ? list.first->previous : list.last) = &item;
    list.first = &item;
}

void FetchPart::remove(Item& item) noexcept {
    auto* list = list_of(item);
    if (list == nullptr) return;
    (item.previous != nullptr ? item.previous->next : list->first) = item.next;
    (item.next != nullptr ? item.next->previous : list->last) = item.previous;
    item.place = Place::idle;
    item.next = nullptr;
    item.previous = nullptr;
}

void FetchPart::poll(std::uint32_t bytes_min, std::uint32_t bytes_max, bool every_row) noexcept {
    ASSERT(!polling_);
    polling_ = true;
    collecting_ = false;
    every_row_ = every_row;
    bytes_min_ = bytes_min;
    bytes_max_ = bytes_max;
    start_over();
    run();
}

// What was served is looked at again: there may be more of it now.
void FetchPart::start_over() noexcept {
    while (served_.first != nullptr) {
        auto& item = *served_.first;
        remove(item);
        item.has_row = false;
        push(ready_, item, Place::ready);
    }
    rows.clear();
    slices.clear();
    bytes = 0;
    problems_ = false;
    more_ = false;
    full_ = false;
}

void FetchPart::run() noexcept {
    while (!reading_ && !full_ && ready_.first != nullptr) {
        auto& item = *ready_.first;
        remove(item);
        const auto step = evaluate(item);
        if (step == Step::pending) return;
        if (step == Step::full) full_ = true;
        if (collecting_ && bytes > 0) break;
    }
    if (!reading_ && (collecting_ || full_ || problems_ || more_ || bytes >= bytes_min_)) answer();
}

FetchPart::Step FetchPart::evaluate(Item& item) noexcept {
    PartitionSource::Missing missing{};
    auto* partition = item.interest.partition;
    if (partition == nullptr) {
        partition = source_.find_or_open(item.key, missing);
        if (partition == nullptr) {
            add_problem(item,
                        missing == PartitionSource::Missing::topic
                                ? FetchProblem::unknown_topic
                                : FetchProblem::unknown_partition);
            return Step::next;
        }
        partition->link(item.interest);
    }
    auto& log = partition->log();
    const auto offsets = log.offsets();
    if (item.epoch > log.leader_epoch()) {
        add_problem(item, FetchProblem::unknown_leader_epoch);
        return Step::next;
    }
    if (item.epoch >= 0 && diverges(item)) return Step::next;
    if (item.offset < offsets.log_start || item.offset > offsets.log_end) {
        add_problem(item, FetchProblem::refused, {engine::Errc::offset_out_of_range});
        return Step::next;
    }
    // Between the visible end and the log end there is something to wait for.
    if (item.offset >= offsets.visible_end) {
        const bool tell = item.keyed && item.told_high_watermark.value >= 0 &&
                          item.told_log_start != offsets.log_start;
        if (tell) {
            add_row(item);
            push(served_, item, Place::served);
        }
        return Step::next;
    }
    auto& read = item.read;
    read.from = item.offset;
    read.limit = offsets.visible_end;
    read.bytes_max = std::min(item.bytes_max, bytes_max_ - std::min(bytes, bytes_max_));
    read.first_may_exceed = bytes == 0;
    read.slices.clear();
    read.bytes = 0;
    if (log.read(read) == engine::ReadStatus::pending) {
        item.place = Place::reading;
        reading_ = true;
        return Step::pending;
    }
    return take_read(item);
}

// The epoch of the reader's last record ended, in this log, below where it wants to go on.
bool FetchPart::diverges(Item& item) noexcept {
    const auto end = item.interest.partition->log().epoch_end(item.epoch);
    if (end.epoch == item.epoch && end.end_offset >= item.offset) return false;
    // Nothing is known of epochs that old: the offset decides.
    if (end.epoch < 0) return false;
    add_problem(item, FetchProblem::log_truncated);
    rows.back().diverging = end;
    return true;
}

FetchPart::Step FetchPart::take_read(Item& item) noexcept {
    auto& read = item.read;
    if (!read.outcome) {
        read.slices.clear();
        add_problem(item, FetchProblem::refused, read.outcome.error());
        return Step::next;
    }
    if (read.bytes == 0) {
        // The next batch does not fit what is left: first at the next poll.
        push_front(ready_, item, Place::ready);
        return Step::full;
    }
    auto& row = add_row(item);
    row.first_slice = static_cast<std::uint32_t>(slices.size());
    row.slice_count = static_cast<std::uint32_t>(read.slices.size());
    row.bytes = read.bytes;
    bytes += read.bytes;
    if (auto* partition = item.interest.partition; partition != nullptr) {
        partition->count_out(static_cast<std::uint64_t>(read.next_offset.value - read.from.value),
                             read.bytes);
    }
    for (auto& slice : read.slices)
        slices.push_back(std::move(slice));
    read.slices.clear();
    more_ |= read.next_offset < read.limit;
    push(served_, item, Place::served);
    return bytes >= bytes_max_ ? Step::full : Step::next;
}

void FetchPart::read_done(engine::ReadOp& op) noexcept {
    auto& item = *static_cast<Item*>(op.owner);
    auto& part = *item.part;
    item.place = Place::idle;
    part.reading_ = false;
    if (part.take_read(item) == Step::full) part.full_ = true;
    part.run();
}

FetchedRow& FetchPart::add_row(Item& item) noexcept {
    auto& row = rows.emplace_back();
    item.has_row = true;
    row.key = item.key;
    row.row = item.row;
    if (item.interest.partition != nullptr) {
        const auto offsets = item.interest.partition->log().offsets();
        row.high_watermark = offsets.visible_end;
        row.log_start = offsets.log_start;
        item.told_high_watermark = row.high_watermark;
        item.told_log_start = row.log_start;
    }
    return row;
}

// Stays ready: as long as the reader does not change its mind, every poll answers so.
void FetchPart::add_problem(Item& item, FetchProblem problem, engine::Error error) noexcept {
    auto& row = add_row(item);
    row.problem = problem;
    row.error = error;
    problems_ = true;
    push(served_, item, Place::served);
}

void FetchPart::answer() noexcept {
    if (every_row_) {
        for (auto* item = used_; item != nullptr; item = item->next_used) {
            if (item->has_row) continue;
            if (item->interest.partition == nullptr) {
                PartitionSource::Missing missing{};
                auto* partition = source_.find_or_open(item->key, missing);
                if (partition == nullptr) continue;  // The next poll says so.
                partition->link(item->interest);
            }
            add_row(*item);
            item->has_row = false;
        }
    }
    while (served_.first != nullptr) {
        auto& item = *served_.first;
        remove(item);
        item.has_row = false;
        push(ready_, item, Place::ready);
    }
    polling_ = false;
    answered(*this);
}

void FetchPart::collect() noexcept {
    if (!polling_ || collecting_) return;
    collecting_ = true;
    if (!reading_) run();
}

void FetchPart::item_woken(Interest& interest) noexcept {
    auto& item = *static_cast<Item*>(interest.owner);
    if (item.place == Place::idle) item.part->push(item.part->ready_, item, Place::ready);
    item.part->schedule();
}

// One task for all that moves in a turn of the loop.
void FetchPart::schedule() noexcept {
    if (!polling_ || reading_ || wake_.posted) return;
    wake_.posted = true;
    post_.post(shard_, wake_);
}

void FetchPart::scheduled(engine::PostedTask& task) noexcept {
    auto& part = *static_cast<Wake&>(task).part;
    static_cast<Wake&>(task).posted = false;
    if (!part.polling_ || part.reading_) return;
    part.start_over();
    part.run();
}

void FetchPart::reset() noexcept {
    ASSERT(!polling_);
    while (used_ != nullptr)
        drop(*used_);
}

}  // namespace millrace::broker
