// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/engine/log/wal_double.h"

#include "engine/assert.h"

#include <algorithm>
#include <utility>

namespace millrace::testing {

using engine::Errc;

engine::Result<engine::WalPlace> WalDouble::reserve(engine::EntryKind kind,
                                                    const engine::PartitionKey& key,
                                                    std::uint32_t payload_bytes,
                                                    bool /*frees_space*/) {
    ASSERT(!open_);
    if (refuse) return engine::failure(*std::exchange(refuse, std::nullopt));
    const auto needed = payload_bytes + kEntryHeaderBytes;
    if (files.empty()) next_file();
    if (!image_ || used_ + needed > image_->capacity) {
        image_ = arena_.allocate(std::max(needed, kImageBytes));
        used_ = 0;
    }
    ++group_;
    open_ = Entry{.kind = kind,
                  .key = key,
                  .place = {.image = image_,
                            .data = image_->data + used_ + kEntryHeaderBytes,
                            .size = payload_bytes,
                            .file = files.back().get(),
                            .group = group_},
                  .sink = nullptr,
                  .end = {},
                  .synced = false};
    used_ += needed;
    return open_->place;
}

void WalDouble::keep(const engine::WalPlace& place,
                     engine::WalSink* sink,
                     engine::Offset end,
                     engine::Durability awaited) {
    ASSERT(open_ && open_->place.data == place.data);
    open_->sink = sink;
    open_->end = end;
    open_->synced = awaited == engine::Durability::synced;
    ++place.file->unflushed_entries;
    appended += place.size;
    entries.push_back(*std::exchange(open_, std::nullopt));
}

void WalDouble::take_back(const engine::WalPlace& place) noexcept {
    ASSERT(open_ && open_->place.data == place.data);
    used_ -= place.size + kEntryHeaderBytes;
    open_.reset();
    ++taken_back;
}

void WalDouble::forget(engine::WalSink& sink) noexcept {
    for (auto& entry : entries) {
        if (entry.sink == &sink) entry.sink = nullptr;
    }
}

void WalDouble::entry_released(engine::WalFileUse& file) noexcept {
    ASSERT(file.unflushed_entries > 0);
    --file.unflushed_entries;
}

void WalDouble::write_all() {
    for (; written_ < entries.size(); ++written_) {
        const auto& entry = entries[written_];
        if (entry.sink != nullptr) entry.sink->entry_written(entry.end);
    }
}

void WalDouble::flush_all() {
    write_all();
    for (; flushed_ < entries.size(); ++flushed_) {
        const auto& entry = entries[flushed_];
        if (entry.sink != nullptr) entry.sink->entry_flushed(entry.end);
    }
    if (!remember) lose_everything();
}

void WalDouble::next_file() {
    files.push_back(std::make_unique<engine::WalFileUse>());
    files.back()->file_number = files.size();
    image_ = {};
}

void WalDouble::lose_everything() {
    entries.clear();
    written_ = flushed_ = 0;
}

std::uint64_t WalDouble::unflushed() const {
    std::uint64_t entries_left = 0;
    for (const auto& file : files)
        entries_left += file->unflushed_entries;
    return entries_left;
}

}  // namespace millrace::testing
