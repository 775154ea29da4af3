// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What atomic appends do once every partition is held: the entry is written, published and ended;
// or all is released.
#include "engine/assert.h"
#include "engine/base/payload_copy.h"
#include "engine/base/planted_bugs.h"
#include "engine/engine/atomic_appends.h"
#include "engine/format/atomic_entry.h"
#include "engine/log/log_impl.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace millrace::engine {

void AtomicAppends::write(AtomicAppend& append) noexcept {
    if (refuses()) return refuse(append, {Errc::shutting_down});
    const auto place = parts_.wal.reserve(
            EntryKind::atomic, append.op->parts.front().key, append.payload_bytes, false);
    if (!place) return refuse_place(append, place.error(), append.payload_bytes);
    if (const auto filled = fill(append, *place); !filled) {
        parts_.wal.take_back(*place);
        return refuse(append, filled.error());
    }
    keep(append, *place);
}

// The batches were checked when their logs were held, and nobody has changed them since.
Result<void> AtomicAppends::fill(AtomicAppend& append, const WalPlace& place) noexcept {
    const auto& parts = append.op->parts;
    store_atomic_head(place.data, static_cast<std::uint32_t>(parts.size()));
    auto* batches = place.data + atomic_table_bytes(parts.size());
    for (std::uint32_t index = 0; index < parts.size(); ++index) {
        auto& part = append.op->parts[index];
        auto& hold = append.holds[index];
        const auto size = static_cast<std::uint32_t>(part.batches.size());
        auto* to = batches + append.begins[index];
        store_atomic_row(place.data, index, part.key, size);
        copy_payload(to, part.batches.data(), size);
        const auto end = hold.admission.end;
        const auto admitted = admit_batches({to, size}, hold.config, hold.admission);
        if (!admitted || hold.admission.end != end) {
            append.op->refused_part = index;
            return failure(Errc::corrupt_batch);
        }
        part.append_time = hold.admission.append_time;
    }
    return {};
}

// The file is counted as needed by every partition of this shard and once by every other shard,
// from before anybody else can know of the entry.
void AtomicAppends::keep(AtomicAppend& append, const WalPlace& place) noexcept {
    append.image = place.image;
    append.batches = place.data + atomic_table_bytes(append.op->parts.size());
    append.file = place.file;
    append.file_number = place.file->file_number;
    std::uint64_t counts = 0;
    for (const auto& leg : append.legs) {
        const bool own = leg.shard == parts_.shard;
        has_shared_ = has_shared_ || !own;
        if (own) counts += leg.parts.size();
        if (!own && !bug_planted(PlantedBug::forget_shares)) ++counts;
    }
    auto& flush = take_flush(append);
    parts_.wal.keep(place, &flush, Offset(0), Durability::synced);
    --place.file->unflushed_entries;  // As which it counts already.
    place.file->unflushed_entries += counts;
    if (bug_planted(PlantedBug::release_hold_early)) flushed(flush);
}

void AtomicAppends::flushed(Flush& flush) noexcept {
    auto* append = std::exchange(flush.append, nullptr);
    if (append == nullptr) return;
    auto* fence_file = std::exchange(flush.fence_file, nullptr);
    if (fence_file == nullptr) return publish_all(*append);
    parts_.wal.entry_released(*fence_file);
    leg_is_held(*append);
}

void AtomicAppends::publish_all(AtomicAppend& append) noexcept {
    append.op->outcome = {};
    auto left = append.legs_away = static_cast<std::uint32_t>(append.legs.size());
    // When the last one is posted the append may be over on another thread.
    for (std::uint32_t index = 0; left > 0; ++index, --left) {
        auto& leg = append.legs[index];
        leg.task.run = [](PostedTask& task) noexcept {
            auto& published = leg_of(task);
            on_shard(append_of(task), published.shard).publish(append_of(task), published);
        };
        parts_.core.parts().post.post(leg.shard, leg.task);
    }
}

void AtomicAppends::publish(AtomicAppend& append, AtomicLeg& leg) noexcept {
    const auto& parts = append.op->parts;
    std::vector<std::pair<LogImpl*, std::uint32_t>> live;
    std::uint64_t bytes = 0;
    for (const auto part : leg.parts) {
        auto* log = parts_.logs.find_held(parts[part].key);
        if (log == nullptr || !log->state().held) continue;  // Its topic was deleted meanwhile.
        live.emplace_back(log, part);
        bytes += parts[part].batches.size();
    }
    const bool own = leg.shard == append.lead;
    auto* file = append.file;
    if (!own) {
        file = &parts_.wal.add_share(
                append.lead, *append.file, append.file_number, live.size(), bytes);
    }
    for (auto gone = leg.parts.size() - live.size(); own && gone > 0; --gone)
        parts_.wal.entry_released(*file);
    for (const auto& [log, part] : live) {
        WalPlace place;
        place.image = append.image;
        place.data = append.batches + append.begins[part];
        place.size = static_cast<std::uint32_t>(parts[part].batches.size());
        place.file = file;
        place.group = parts_.wal.newest_group();
        log->publish(append.holds[part], place);
        if (append.op->published != nullptr) {
            append.op->published(*append.op, parts_.shard, append.op->parts[part]);
        }
    }
    held_ -= leg.parts.size();
    go_home(append, leg);
}

void AtomicAppends::refuse(AtomicAppend& append, Error error) noexcept {
    append.op->outcome = std::unexpected(error);
    append.again = false;
    release_all(append);
}

// This shard's WAL does not take an entry.
void AtomicAppends::refuse_place(AtomicAppend& append,
                                 Error error,
                                 std::uint64_t room_bytes) noexcept {
    if (error.code != Errc::no_room) return refuse(append, error);
    append.again = true;
    append.room_shard = parts_.shard;
    append.room_bytes = room_bytes;
    release_all(append);
}

void AtomicAppends::release_all(AtomicAppend& append) noexcept {
    auto left = append.legs_away = static_cast<std::uint32_t>(
            std::ranges::count_if(append.legs, [](const auto& leg) { return leg.held; }));
    if (left == 0) return hand_over<&AtomicAppends::released>(append, append.home);
    // As in publish_all().
    for (std::uint32_t index = 0; left > 0; ++index) {
        auto& leg = append.legs[index];
        if (!leg.held) continue;
        --left;
        leg.task.run = [](PostedTask& task) noexcept {
            auto& released = leg_of(task);
            on_shard(append_of(task), released.shard).release(append_of(task), released);
        };
        parts_.core.parts().post.post(leg.shard, leg.task);
    }
}

void AtomicAppends::release(AtomicAppend& append, AtomicLeg& leg) noexcept {
    for (const auto index : leg.parts) {
        auto& part = append.op->parts[index];
        part.base_offset = Offset(-1);
        auto* log = parts_.logs.find_held(part.key);
        if (log != nullptr && log->state().held) log->release_hold();
    }
    held_ -= leg.parts.size();
    leg.held = false;
    go_home(append, leg);
}

void AtomicAppends::go_home(AtomicAppend& append, AtomicLeg& leg) noexcept {
    leg.task.run = [](PostedTask& task) noexcept {
        auto& back = append_of(task);
        if (--back.legs_away == 0) on_shard(back, back.home).released(back);
    };
    parts_.core.parts().post.post(append.home, leg.task);
}

void AtomicAppends::released(AtomicAppend& append) noexcept {
    if (!append.again) return finish(append);
    append.again = false;
    append.at_leg = 0;
    hand_over<&AtomicAppends::await_room>(append, append.room_shard);
}

void AtomicAppends::finish(AtomicAppend& append) noexcept {
    auto& op = *std::exchange(append.op, nullptr);
    append.image = {};
    op.state = nullptr;
    --started_;
    free_appends_.push_back(&append);
    op.done(op);
}

}  // namespace millrace::engine
