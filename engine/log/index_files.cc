// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/index_files.h"

#include "engine/units.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace millrace::engine {

void IndexFiles::save(LogState& log, Segment& segment, bool sync, Completion done) noexcept {
    log_ = &log;
    segment_ = &segment;
    sync_ = sync;
    done_ = done;
    ++segment.index_pins;
    const auto& index = *segment.index;
    revision_ = index.revision;
    saving_ = {index.offsets().size(), index.times().size(), index.covered_bytes()};
    encoded_.resize(saving_.offsets * kOffsetEntryBytes);
    encode_offset_entries(index.offsets(), encoded_.data());
    const auto saved = index.saved.offsets * kOffsetEntryBytes;
    const auto next = completion_of<&IndexFiles::offsets_saved>(*this);
    if (!write(kOffsetIndexSuffix, saved, encoded_, next)) finish(failure(Errc::no_room));
}

bool IndexFiles::write(std::string_view suffix,
                       std::uint64_t saved_bytes,
                       const std::vector<std::byte>& bytes,
                       Completion next) noexcept {
    const auto position = round_down(saved_bytes, kBlockBytes);
    auto* to = file_.prepare({.path = segment_path(log_->directory, segment_->base, suffix),
                              .position = position,
                              .length = bytes.size(),
                              .sync = sync_});
    if (to == nullptr) return false;
    std::copy(bytes.begin() + static_cast<std::ptrdiff_t>(position), bytes.end(), to);
    file_.start(next);
    return true;
}

void IndexFiles::offsets_saved(Result<void> outcome) noexcept {
    if (!outcome) return finish(outcome);
    const auto& index = *segment_->index;
    if (index.revision != revision_) return finish(failure(Errc::no_room));
    encoded_.resize(saving_.times * kTimeEntryBytes);
    encode_time_entries({index.times().data(), saving_.times}, encoded_.data());
    const auto saved = index.saved.times * kTimeEntryBytes;
    const auto next = completion_of<&IndexFiles::times_saved>(*this);
    if (!write(kTimeIndexSuffix, saved, encoded_, next)) finish(failure(Errc::no_room));
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
