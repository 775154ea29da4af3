// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/atomic_appends.h"

#include "engine/assert.h"
#include "engine/base/planted_bugs.h"
#include "engine/engine/wal_options.h"
#include "engine/format/atomic_entry.h"
#include "engine/log/log_impl.h"

#include <algorithm>
#include <utility>

namespace millrace::engine {

namespace {

// A free one of them, or a new one.
template <class T>
T& take_free(std::vector<std::unique_ptr<T>>& all) {
    const auto free =
            std::ranges::find_if(all, [](const auto& each) { return each->append == nullptr; });
    return free != all.end() ? **free : *all.emplace_back(std::make_unique<T>());
}

}  // namespace

AtomicAppends::AtomicAppends(const Parts& parts) : parts_(parts) {
    parts_.core.link(parts_.shard).atomic = this;
}

AtomicAppends::~AtomicAppends() {
    parts_.core.link(parts_.shard).atomic = nullptr;
}

void AtomicAppends::start(AtomicAppendOp& op) {
    ASSERT(op.state == nullptr);
    ASSERT(op.done != nullptr && op.find_log != nullptr);
    ++started_;
    auto& append = take_append(op);
    op.refused_part.reset();
    op.outcome = check(op);
    if (op.outcome) lay_out(append);
    append.token.leg = parts_.shard;
    append.token.run = [](PostedTask& task) noexcept {
        auto& at = on_shard(append_of(task), append_of(task).home);
        if (!append_of(task).op->outcome) return at.finish(append_of(task));
        at.hand_over<&AtomicAppends::hold>(append_of(task), append_of(task).legs.front().shard);
    };
    parts_.core.parts().post.post(parts_.shard, append.token);
}

Result<void> AtomicAppends::check(const AtomicAppendOp& op) const {
    if (op.parts.empty()) return failure(Errc::corrupt_batch);
    if (op.parts.size() > kAtomicPartsMax) return failure(Errc::batch_too_large);
    std::uint64_t bytes = atomic_table_bytes(op.parts.size());
    for (const auto& part : op.parts)
        bytes += part.batches.size();
    if (bytes > wal_file_bytes(parts_.core.options()) / 4) return failure(Errc::batch_too_large);
    return {};
}

AtomicAppend& AtomicAppends::take_append(AtomicAppendOp& op) {
    if (free_appends_.empty()) {
        auto& made = appends_.emplace_back(std::make_unique<AtomicAppend>());
        free_appends_.reserve(appends_.size());
        free_appends_.push_back(made.get());
        made->core = &parts_.core;
        made->token.append = made.get();
    }
    auto& append = *free_appends_.back();
    free_appends_.pop_back();
    append.op = &op;
    append.home = parts_.shard;
    append.again = false;
    op.state = &append;
    return append;
}

void AtomicAppends::lay_out(AtomicAppend& append) {
    const auto& parts = append.op->parts;
    const auto shards = parts_.core.options().shards;
    append.lead = shard_of(parts.front().key, shards);
    append.at_leg = 0;
    append.holds.assign(parts.size(), {});
    append.begins.clear();
    append.legs.clear();
    std::uint32_t bytes = 0;
    for (const auto& part : parts) {
        append.begins.push_back(bytes);
        bytes += static_cast<std::uint32_t>(part.batches.size());
    }
    append.payload_bytes = atomic_table_bytes(parts.size()) + bytes;
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
        AtomicLeg leg;
        leg.shard = shard;
        for (std::uint32_t index = 0; index < parts.size(); ++index) {
            if (shard_of(parts[index].key, shards) == shard) leg.parts.push_back(index);
        }
        if (leg.parts.empty()) continue;
        leg.task.append = &append;
        leg.task.leg = static_cast<std::uint32_t>(append.legs.size());
        append.legs.push_back(std::move(leg));
    }
}

AtomicAppends::Flush& AtomicAppends::take_flush(AtomicAppend& append) {
    auto& flush = take_free(flushes_);
    flush.owner = this;
    flush.append = &append;
    flush.fence_file = nullptr;
    return flush;
}

AtomicAppends::Wait& AtomicAppends::take_wait(AtomicAppend& append) {
    auto& wait = take_free(waits_);
    wait.owner = this;
    wait.append = &append;
    return wait;
}

// Released everywhere, it begins anew once the WAL that had none has room.
void AtomicAppends::await_room(AtomicAppend& append) noexcept {
    if (refuses()) return refuse(append, {Errc::shutting_down});
    auto& wait = take_wait(append);
    wait.room.owner = &wait;
    wait.room.bytes = append.room_bytes;
    wait.room.ready = [](RoomWaiter& waiter) noexcept {
        auto& woken = *static_cast<Wait*>(waiter.owner);
        auto& waited = *std::exchange(woken.append, nullptr);
        woken.owner->hand_over<&AtomicAppends::hold>(waited, waited.legs.front().shard);
    };
    parts_.room.add(wait.room);
}

LogImpl* AtomicAppends::find_log(AtomicAppend& append, std::uint32_t part) noexcept {
    auto& op = *append.op;
    if (op.find_log(op, parts_.shard, op.parts[part]) == nullptr) return nullptr;
    return parts_.logs.find_held(op.parts[part].key);
}

// All partitions of this shard, or none.
void AtomicAppends::hold(AtomicAppend& append) noexcept {
    auto& op = *append.op;
    auto& leg = append.legs[append.at_leg];
    if (refuses()) return refuse(append, {Errc::shutting_down});
    if (parts_.core.parts().clock.monotonic_now() >= op.deadline) {
        return refuse(append, {Errc::no_room});
    }
    for (const auto part : leg.parts) {
        auto* log = find_log(append, part);
        if (log == nullptr) {
            op.refused_part = part;
            return refuse(append, {Errc::unknown_topic_id});
        }
        if (log->state().held) return await_release(append, *log);
    }
    for (std::size_t index = 0; index < leg.parts.size(); ++index) {
        const auto held = hold_part(append, leg.parts[index]);
        if (held) continue;
        while (index > 0) {
            auto& part = op.parts[leg.parts[--index]];
            part.base_offset = Offset(-1);
            parts_.logs.find_held(part.key)->release_hold();
        }
        return refuse(append, held.error());
    }
    leg.held = true;
    held_ += leg.parts.size();
    if (!fence(append, leg)) leg_is_held(append);
}

Result<void> AtomicAppends::hold_part(AtomicAppend& append, std::uint32_t index) noexcept {
    auto& part = append.op->parts[index];
    auto& hold = append.holds[index];
    hold.batches = part.batches;
    hold.expected_offset = part.expected_offset;
    const auto held = parts_.logs.find_held(part.key)->hold(hold);
    if (held) part.base_offset = hold.admission.base;
    part.end_offset = hold.admission.end;
    part.log_start = hold.log_start;
    part.timestamp_fault = hold.timestamp_fault;
    if (!held) append.op->refused_part = index;
    return held;
}

void AtomicAppends::await_release(AtomicAppend& append, LogImpl& log) noexcept {
    auto& wait = take_wait(append);
    wait.log.owner = &wait;
    wait.log.ready = [](LogWaiter& waiter) noexcept {
        auto& woken = *static_cast<Wait*>(waiter.owner);
        woken.owner->hold(*std::exchange(woken.append, nullptr));
    };
    log.wait_for_release(wait.log);
}

// What the held logs end with may be in this shard's WAL alone, and not flushed: were the entry
// flushed in the lead's WAL, and the power gone, then the records before it would be missing. The
// lead's own WAL has them in order. True: the entry waits.
bool AtomicAppends::fence(AtomicAppend& append, const AtomicLeg& leg) noexcept {
    if (parts_.shard == append.lead || bug_planted(PlantedBug::skip_fence)) return false;
    const bool flushed = std::ranges::all_of(leg.parts, [&](auto part) {
        return parts_.logs.find_held(append.op->parts[part].key)->all_flushed();
    });
    if (flushed) return false;
    const auto place = parts_.wal.reserve(EntryKind::empty, {}, 0, true);
    if (!place) {
        refuse_place(append, place.error(), 1);
        return true;
    }
    auto& flush = take_flush(append);
    flush.fence_file = place->file;
    parts_.wal.keep(*place, &flush, Offset(0), Durability::synced);
    return true;
}

void AtomicAppends::leg_is_held(AtomicAppend& append) noexcept {
    if (++append.at_leg < append.legs.size()) {
        return hand_over<&AtomicAppends::hold>(append, append.legs[append.at_leg].shard);
    }
    hand_over<&AtomicAppends::write>(append, append.lead);
}

void AtomicAppends::fail(Error error) noexcept {
    failed_ = true;
    for (std::size_t index = 0; index < flushes_.size(); ++index) {
        auto& flush = *flushes_[index];
        auto* append = std::exchange(flush.append, nullptr);
        if (append == nullptr) continue;
        parts_.wal.forget(flush);
        flush.fence_file = nullptr;
        refuse(*append, error);
    }
}

}  // namespace millrace::engine
