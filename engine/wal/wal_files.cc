// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/wal/wal_files.h"

#include "engine/assert.h"
#include "engine/units.h"
#include "engine/wal/wal_writer.h"

#include <algorithm>

namespace millrace::engine {

std::string wal_directory_path(std::uint32_t directory) {
    return "wal/" + std::to_string(directory);
}

std::string wal_file_path(std::uint32_t directory, std::uint32_t slot) {
    return wal_directory_path(directory) + "/" + std::to_string(slot) + ".wal";
}

WalFiles::WalFiles(const WalOptions& options, ReplayedWal&& found)
        : directory_(options.directory),
          file_bytes_(options.file_bytes),
          position_(std::uint64_t{found.end.block} * kBlockBytes) {
    ASSERT(file_bytes_ >= 4 * kBlockBytes && file_bytes_ % kBlockBytes == 0);
    const std::uint64_t end_number = std::max<std::uint64_t>(found.end.file_number, 1);
    std::unique_ptr<WalFile> current;
    for (auto& slot : found.slots) {
        auto file = make_file(slot.slot);
        // Blocks are written only after the directory entry is durable; without any, who knows.
        file->linked = slot.written_bytes > 0;
        const bool holds_end = found.end.file_number != 0 && slot.slot == found.end.slot;
        if (slot.use != nullptr || (holds_end && position_ > 0)) {
            // Whatever its size is: its groups stay where they are.
            file->capacity = std::max(round_down(slot.bytes, kBlockBytes),
                                      holds_end ? position_ : slot.written_bytes);
            file->sized = slot.bytes >= file->capacity;
        } else {
            file->sized = slot.bytes == file_bytes_;
        }
        file->zeroed = std::min(round_down(slot.written_bytes, kBlockBytes), file->capacity);
        file->zeros_written = file->zeroed;
        file->allocated = file->zeroed;
        if (slot.use != nullptr) {
            file->use = std::move(slot.use);
            file->first = slot.first;
        } else {
            file->use = std::make_unique<WalFileUse>();
            file->use->file_number = holds_end ? end_number : slot.file_number;
        }
        if (holds_end) {
            current = std::move(file);
        } else if (file->first) {
            live_.push_back(std::move(file));
        } else if (file->use->file_number != 0 && file->use->file_number <= end_number) {
            retired_.push_back(std::move(file));
        } else {
            free_.push_back(std::move(file));
        }
    }
    std::ranges::sort(live_, {}, [](const auto& file) { return file->use->file_number; });
    if (current == nullptr) {
        // The first start, or the file was lost and the loss accepted: made anew in its place.
        const auto same_slot = [&](const auto& file) { return file->slot == found.end.slot; };
        if (const auto at = std::ranges::find_if(free_, same_slot); at != free_.end()) {
            current = std::move(*at);
            free_.erase(at);
        } else {
            current = make_file(found.end.slot);
            current->use = std::make_unique<WalFileUse>();
        }
        current->use->file_number = end_number;
    }
    for (const auto& file : live_)
        closed_bytes_ += file->capacity;
    live_.push_back(std::move(current));
}

std::unique_ptr<WalFile> WalFiles::make_file(std::uint32_t slot) const {
    auto file = std::make_unique<WalFile>();
    file->slot = slot;
    file->path = wal_file_path(directory_, slot);
    file->capacity = file_bytes_;
    return file;
}

std::uint32_t WalFiles::unused_slot() const noexcept {
    std::uint32_t unused = 0;
    for (const auto* files : {&live_, &retired_, &free_}) {
        for (const auto& file : *files)
            unused = std::max(unused, file->slot + 1);
    }
    return unused;
}

void WalFiles::take(std::uint64_t group_bytes) noexcept {
    ASSERT(position_ + group_bytes <= current().zeroed);
    position_ += group_bytes;
}

void WalFiles::choose_next() {
    ASSERT(next_ == nullptr);
    if (free_.empty()) {
        next_ = make_file(unused_slot());
        next_->use = std::make_unique<WalFileUse>();
    } else {
        next_ = std::move(free_.front());
        free_.erase(free_.begin());
    }
    if (next_->capacity != file_bytes_) {
        // From a run with another size of files.
        next_->capacity = file_bytes_;
        next_->sized = false;
        next_->zeroed = std::min(next_->zeroed, file_bytes_);
        next_->zeros_written = next_->zeroed;
        next_->allocated = next_->zeroed;
    }
    next_->first.reset();
    next_->use->file_number = current().use->file_number + 1;
}

void WalFiles::switch_to_next() {
    ASSERT(next_ != nullptr);
    closed_bytes_ += current().capacity;
    live_.push_back(std::move(next_));
    position_ = 0;
}

std::uint64_t WalFiles::live_bytes_with(std::uint64_t group_bytes) const noexcept {
    const std::uint64_t wasted = must_switch(group_bytes) ? current().capacity - position_ : 0;
    return live_bytes() + wasted + group_bytes;
}

bool WalFiles::must_switch(std::uint64_t group_bytes) const noexcept {
    return position_ + group_bytes > current().capacity;
}

std::uint64_t WalFiles::prepared_bytes(std::uint64_t group_bytes) const noexcept {
    const std::uint64_t behind = next_ == nullptr ? 0 : next_->ready_bytes();
    if (must_switch(group_bytes)) return behind;
    const std::uint64_t here = current().zeroed - std::min(current().zeroed, position_);
    // The next file is out of reach until this one is ready to its end.
    return current().zeroed == current().capacity ? here + behind : here;
}

std::optional<WalPosition> WalFiles::oldest_needed(std::span<const WalRelease> releases) const {
    for (const auto& file : live_) {
        std::uint64_t entries = file->use->unflushed_entries;
        for (const auto& release : releases) {
            if (release.file != file->use.get()) continue;
            ASSERT(release.entries <= entries);
            entries -= release.entries;
        }
        if (entries == 0) continue;
        ASSERT(file->first.has_value());
        return file->first;
    }
    return std::nullopt;
}

std::uint32_t WalFiles::recycle_before(std::uint64_t file_number, WalListener& listener) noexcept {
    std::uint32_t recycled = 0;
    while (live_.size() > 1 && live_.front()->use->file_number < file_number) {
        ASSERT(live_.front()->use->unflushed_entries == 0);
        listener.wal_file_recycled(*live_.front()->use);
        closed_bytes_ -= live_.front()->capacity;
        free_.push_back(std::move(live_.front()));
        live_.erase(live_.begin());
        ++recycled;
    }
    for (std::size_t i = 0; i < retired_.size();) {
        if (retired_[i]->use->file_number >= file_number) {
            ++i;
            continue;
        }
        free_.push_back(std::move(retired_[i]));
        retired_.erase(retired_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return recycled;
}

}  // namespace millrace::engine
