// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/left_files.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace millrace::engine {

void LeftFiles::remove(LogState& log, Completion done) noexcept {
    log_ = &log;
    done_ = done;
    path_call(FileOpKind::list, partition_path(log.directory), &LeftFiles::listed);
}

void LeftFiles::listed() noexcept {
    if (ended_by_failure("listing of a partition's folder")) return;
    names_ = std::exchange(op_.names, {});
    next();
}

void LeftFiles::next() noexcept {
    while (!names_.empty() && !is_left(names_.back()))
        names_.pop_back();
    if (names_.empty()) return finish({});
    path_call(FileOpKind::unlink,
              partition_file_path(log_->directory, names_.back()),
              &LeftFiles::unlinked);
}

void LeftFiles::unlinked() noexcept {
    if (result() != -ENOENT && ended_by_failure("removal of a left segment")) return;
    names_.pop_back();
    next();
}

bool LeftFiles::is_left(std::string_view name) const noexcept {
    const auto base = segment_base_of(name);
    if (!base) return false;
    if (name.ends_with(kSnapshotSuffix) && log_->producers.names_snapshot(*base)) return false;
    const auto& compaction = std::as_const(*log_).compaction();
    const bool replaced = std::ranges::any_of(compaction.replacing, [&base](const auto& range) {
        return *base >= range.first && *base < range.second;
    });
    if (replaced) return false;
    if (name.ends_with(kSwapSuffix)) return !compaction.busy;
    auto* segment = log_->segments.find(*base);
    return segment == nullptr || segment->base != *base || !segment->has_file;
}

void LeftFiles::finish(Result<void> outcome) noexcept {
    names_.clear();
    log_ = nullptr;
    const auto done = std::exchange(done_, {});
    done(outcome);
}

}  // namespace millrace::engine
