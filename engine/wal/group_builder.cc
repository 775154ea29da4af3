// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/wal/group_builder.h"

#include "engine/assert.h"
#include "engine/base/planted_bugs.h"
#include "engine/format/wal_group.h"
#include "engine/units.h"
#include "engine/wal/wal_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace millrace::engine {

namespace {

constexpr std::uint64_t kChunkBytes = 1 * kMiB;

// A group fits a chunk, and leaves room for others in its file.
std::uint32_t usable_group_bytes(const WalOptions& options) {
    const std::uint64_t bytes_max = std::min(kChunkBytes, options.file_bytes / 4);
    const std::uint64_t wanted = round_down(options.group_bytes_max, kBlockBytes);
    return static_cast<std::uint32_t>(
            std::clamp(wanted, kBlockBytes, std::max(kBlockBytes, bytes_max)));
}

}  // namespace

GroupBuilder::GroupBuilder(const WalOptions& options,
                           Arena& arena,
                           WalFiles& files,
                           const WalPosition& end)
        : directory_(options.directory),
          run_bits_(options.run_bits),
          run_number_(options.run_number),
          previous_run_bits_(end.run_bits),
          group_bytes_max_(usable_group_bytes(options)),
          arena_(arena),
          files_(files),
          end_(end) {
    if (end_.sequence == 0) end_.sequence = 1;
}

std::uint64_t GroupBuilder::group_bytes(std::uint64_t payload_bytes) noexcept {
    return round_up(kGroupHeaderBytes + kEntryHeaderBytes + payload_bytes, kBlockBytes);
}

bool GroupBuilder::fits(std::uint32_t payload_bytes) const noexcept {
    return open_ != nullptr &&
           std::uint64_t{open_->used} + kEntryHeaderBytes + payload_bytes <= open_->capacity;
}

bool GroupBuilder::full() const noexcept {
    return open_ != nullptr && (open_->used >= group_bytes_max_ || !fits(0));
}

bool GroupBuilder::open_group(std::uint32_t payload_bytes) {
    ASSERT(open_ == nullptr);
    const std::uint64_t bytes_min = group_bytes(payload_bytes);
    if (files_.must_switch(bytes_min)) files_.switch_to_next();
    WalFile& file = files_.current();
    ASSERT(files_.position() + bytes_min <= file.zeroed);
    const std::uint64_t bytes = std::max<std::uint64_t>(
            bytes_min, std::min<std::uint64_t>(group_bytes_max_, file.zeroed - files_.position()));

    Group& group = acquire();
    group.file = &file;
    group.position = files_.position();
    group.sequence = end_.sequence;
    if (!place_in_memory(
                group, static_cast<std::uint32_t>(bytes_min), static_cast<std::uint32_t>(bytes))) {
        reuse(group);
        return false;
    }
    group.used = kGroupHeaderBytes;
    if (!file.first) {
        file.first = end_;
        file.first->directory = directory_;
        file.first->slot = file.slot;
        file.first->file_number = file.use->file_number;
        file.first->block = static_cast<std::uint32_t>(group.position / kBlockBytes);
    }
    open_ = &group;
    return true;
}

bool GroupBuilder::place_in_memory(Group& group, std::uint32_t bytes_min, std::uint32_t bytes) {
    const bool reuse_held = chunk_ && bug_planted(PlantedBug::reuse_held_memory);
    if (chunk_file_ != group.file && !reuse_held) chunk_ = BufferRef();
    const std::uint32_t left = chunk_ ? chunk_bytes_ - chunk_used_ : 0;
    if (left < bytes_min) {
        if (bytes_min > group_bytes_max_) {
            // A buffer of its own; the chunk goes on behind it.
            group.image = arena_.allocate(bytes_min);
            if (!group.image) return false;
            group.data = group.image->data;
            group.capacity = bytes_min;
            return true;
        }
        const std::uint64_t to_file_end = group.file->capacity - group.position;
        chunk_bytes_ = static_cast<std::uint32_t>(std::min(kChunkBytes, to_file_end));
        chunk_used_ = 0;
        chunk_file_ = group.file;
        if (!reuse_held) chunk_ = arena_.allocate(chunk_bytes_);
        if (!chunk_) return false;
    }
    group.image = chunk_;
    group.data = chunk_->data + chunk_used_;
    group.capacity = std::min(bytes, chunk_bytes_ - chunk_used_);
    return true;
}

std::byte* GroupBuilder::reserve(EntryKind kind,
                                 const PartitionKey& key,
                                 std::uint32_t payload_bytes) noexcept {
    ASSERT(fits(payload_bytes));
    ASSERT(reserved_bytes_ == 0);
    std::byte* entry = open_->data + open_->used;
    store_entry_header(entry, kind, key, payload_bytes);
    reserved_bytes_ = kEntryHeaderBytes + payload_bytes;
    reserved_kind_ = kind;
    return entry + kEntryHeaderBytes;
}

void GroupBuilder::keep(WalSink* sink, Offset end, Durability awaited) {
    ASSERT(reserved_bytes_ != 0);
    open_->used += std::exchange(reserved_bytes_, 0);
    open_->synced = open_->synced || awaited == Durability::synced;
    open_->awaited = open_->awaited || awaited != Durability::memory;
    open_->counts = open_->counts || reserved_kind_ != EntryKind::empty;
    if (sink != nullptr) open_->kept.push_back({sink, end});
}

void GroupBuilder::take_back() noexcept {
    ASSERT(reserved_bytes_ != 0);
    reserved_bytes_ = 0;
    if (open_->used > kGroupHeaderBytes) return;
    reuse(*std::exchange(open_, nullptr));
}

Group& GroupBuilder::seal(Sequence flushed_sequence) noexcept {
    ASSERT(open_ != nullptr && reserved_bytes_ == 0);
    Group& group = *std::exchange(open_, nullptr);
    ASSERT(group.used > kGroupHeaderBytes);
    group.size = static_cast<std::uint32_t>(round_up(group.used, kBlockBytes));
    // What lay in this memory before does not get into the file.
    std::memset(group.data + group.used, 0, group.size - group.used);
    group.flushed_sequence = flushed_sequence;

    WalGroupHeader header;
    header.length = group.used;
    header.chain = end_.chain;
    header.run_bits = run_bits_;
    header.previous_run_bits = previous_run_bits_;
    header.run_number = run_number_;
    header.directory = directory_;
    header.sequence = group.sequence;
    header.flushed_sequence = flushed_sequence;
    header.file_number = group.file->use->file_number;
    header.block = static_cast<std::uint32_t>(group.position / kBlockBytes);
    group.crc = seal_group(group.data, header);

    files_.take(group.size);
    if (group.image.get() == chunk_.get()) chunk_used_ += group.size;
    end_.chain = group.crc;
    end_.run_bits = run_bits_;
    end_.run_number = run_number_;
    ++end_.sequence;
    return group;
}

Group& GroupBuilder::acquire() {
    if (free_ == nullptr) {
        groups_.push_back(std::make_unique<Group>());
        return *groups_.back();
    }
    Group& group = *std::exchange(free_, free_->next);
    group.next = nullptr;
    return group;
}

void GroupBuilder::reuse(Group& group) noexcept {
    auto kept = std::move(group.kept);
    kept.clear();
    group = Group();
    group.kept = std::move(kept);
    group.next = std::exchange(free_, &group);
}

void GroupBuilder::forget(WalSink& sink) noexcept {
    if (open_ == nullptr) return;
    for (auto& entry : open_->kept) {
        if (entry.sink == &sink) entry.sink = nullptr;
    }
}

}  // namespace millrace::engine
