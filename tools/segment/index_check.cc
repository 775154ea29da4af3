// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/segment/index_check.h"

#include "engine/format/file_names.h"
#include "tools/segment/whole_file.h"

#include <span>
#include <utility>

namespace millrace::segment {

namespace {

std::filesystem::path beside(const std::filesystem::path& log, std::string_view suffix) {
    auto path = log;
    // One that compaction has made and that does not have its name yet.
    if (log.extension() != engine::kSwapSuffix) return path.replace_extension(suffix);
    path.replace_extension();
    path.replace_extension(suffix);
    return path += engine::kSwapSuffix;
}

}  // namespace

IndexCheck::IndexCheck(const StoredSegment& segment)
        : offset_file_(beside(segment.file, engine::kOffsetIndexSuffix)),
          time_file_(beside(segment.file, engine::kTimeIndexSuffix)) {
    const auto offsets = read_file(offset_file_);
    const auto times = read_file(time_file_);
    check_ = engine::IndexCheck(segment.base,
                                std::as_bytes(std::span(offsets)),
                                std::as_bytes(std::span(times)),
                                segment.sealed);
}

void IndexCheck::pass(const engine::BatchView& batch,
                      std::uint64_t position,
                      std::vector<Damage>& damaged) {
    check_.pass(batch, position, faults_);
    take_faults(damaged);
}

void IndexCheck::end(std::vector<Damage>& damaged) {
    check_.end(faults_);
    take_faults(damaged);
}

void IndexCheck::take_faults(std::vector<Damage>& damaged) {
    for (auto& fault : std::exchange(faults_, {})) {
        const bool of_times = fault.kind == engine::IndexKind::times;
        damaged.push_back({of_times ? time_file_ : offset_file_,
                           fault.offset,
                           fault.offset,
                           fault.position,
                           std::move(fault.reason)});
    }
}

}  // namespace millrace::segment
