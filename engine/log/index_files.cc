// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/index_files.h"

#include "engine/units.h"

#include <limits>
#include <span>
#include <utility>

namespace millrace::engine {

namespace {

// So many entries of either kind are whole blocks: saving begins anew at a multiple of them.
constexpr std::uint64_t kWholeEntries = kBlockBytes;

}  // namespace

void IndexFiles::save(LogState& log, Segment& segment, bool sync, Completion done) noexcept {
    log_ = &log;
    segment_ = &segment;
    sync_ = sync;
    done_ = done;
    ++segment.index_pins;
    const auto& index = *segment.index;
    revision_ = index.revision;
    saving_ = {index.offsets().size(), index.times().size(), index.covered_bytes()};
    const auto first = round_down(index.saved.offsets, kWholeEntries);
    auto* to = prepare(
            kOffsetIndexSuffix, first * kOffsetEntryBytes, saving_.offsets * kOffsetEntryBytes);
    if (to == nullptr) return finish(failure(Errc::no_room));
    encode_offset_entries(std::span(index.offsets()).subspan(first), to);
    file_.start(completion_of<&IndexFiles::offsets_saved>(*this));
}

std::byte* IndexFiles::prepare(std::string_view suffix,
                               std::uint64_t position,
                               std::uint64_t length) noexcept {
    return file_.prepare({.path = segment_path(log_->directory, segment_->base, suffix),
                          .position = position,
                          .length = length,
                          .sync = sync_});
}

void IndexFiles::offsets_saved(Result<void> outcome) noexcept {
    if (!outcome) return finish(outcome);
    const auto& index = *segment_->index;
    if (index.revision != revision_) return finish(failure(Errc::no_room));
    const auto first = round_down(index.saved.times, kWholeEntries);
    auto* to = prepare(kTimeIndexSuffix, first * kTimeEntryBytes, saving_.times * kTimeEntryBytes);
    if (to == nullptr) return finish(failure(Errc::no_room));
    encode_time_entries(std::span(index.times()).subspan(first, saving_.times - first), to);
    file_.start(completion_of<&IndexFiles::times_saved>(*this));
}

void IndexFiles::times_saved(Result<void> outcome) noexcept {
    if (outcome && segment_->index->revision != revision_) outcome = failure(Errc::no_room);
    if (outcome) {
        segment_->index->saved = saving_;
        segment_->index_trusted_bytes = std::numeric_limits<std::uint64_t>::max();
    }
    finish(outcome);
}

void IndexFiles::finish(Result<void> outcome) noexcept {
    --segment_->index_pins;
    const auto done = std::exchange(done_, {});
    done(outcome);
}

}  // namespace millrace::engine
