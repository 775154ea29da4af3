// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/adoption/folder_adoption.h"

#include <array>
#include <cerrno>
#include <string>
#include <utility>

namespace millrace::engine {

namespace {

// The first must be there. The others are made again from it.
constexpr std::array kMoved{kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix};

std::string name_of(const FilePath& path) {
    return std::string(path.view().substr(path.view().rfind('/') + 1));
}

}  // namespace

FilePath FolderAdoption::source_path(Offset base, std::string_view suffix) const noexcept {
    FilePath path(*source_);
    path.append("/");
    path.append_number(row_->key.partition, 1);
    path.append("/");
    path.append_number(static_cast<std::uint64_t>(base.value), 20);
    path.append(suffix);
    return path;
}

void FolderAdoption::look(const std::string& source,
                          const PartitionRow& row,
                          Completion done) noexcept {
    source_ = &source;
    row_ = &row;
    done_ = done;
    segment_ = 0;
    look_at_next();
}

void FolderAdoption::look_at_next() noexcept {
    if (segment_ == row_->segments.size()) return finish({});
    path_call(FileOpKind::stat,
              source_path(row_->segments[segment_].base, kLogSuffix),
              &FolderAdoption::looked);
}

void FolderAdoption::looked() noexcept {
    const auto& segment = row_->segments[segment_];
    const auto name = name_of(source_path(segment.base, kLogSuffix));
    if (result() < 0) {
        return refuse(name + " cannot be looked at (errno " + std::to_string(-result()) + ")");
    }
    if (op_.size != segment.bytes) {
        return refuse(name + " has " + std::to_string(op_.size) + " bytes where " +
                      std::to_string(segment.bytes) + " should be");
    }
    ++segment_;
    look_at_next();
}

void FolderAdoption::move(const std::string& source,
                          const PartitionRow& row,
                          const AdoptedPartition& partition,
                          Completion done) {
    source_ = &source;
    row_ = &row;
    done_ = done;
    segment_ = suffix_ = 0;
    folder_.key = partition.key;
    folder_.directory = partition.directory;
    folder_.folder_ready = false;
    maker_.start(folder_, completion_of<&FolderAdoption::folder_made>(*this));
}

void FolderAdoption::folder_made(Result<void> outcome) noexcept {
    if (!outcome) return finish(outcome);
    move_next();
}

void FolderAdoption::move_next() noexcept {
    if (segment_ == row_->segments.size()) return finish({});
    const auto base = row_->segments[segment_].base;
    rename(source_path(base, kMoved[suffix_]),
           segment_path(folder_.directory, base, kMoved[suffix_]),
           &FolderAdoption::moved);
}

void FolderAdoption::moved() noexcept {
    if (is_full(result())) return finish(failure(Errc::storage_full));
    if (result() == -ENOENT && suffix_ == 0) {
        return refuse(name_of(source_path(row_->segments[segment_].base, kLogSuffix)) +
                      " is not there any more");
    }
    if (result() != -ENOENT && ended_by_failure("moving an adopted segment")) return;
    if (++suffix_ == kMoved.size()) {
        suffix_ = 0;
        ++segment_;
    }
    move_next();
}

void FolderAdoption::refuse(std::string fault) noexcept {
    fault_ = "partition " + std::to_string(row_->key.partition) + ": " + std::move(fault);
    finish(failure(Errc::damaged_range));
}

void FolderAdoption::finish(Result<void> outcome) noexcept {
    row_ = nullptr;
    const auto done = std::exchange(done_, {});
    done(outcome);
}

}  // namespace millrace::engine
