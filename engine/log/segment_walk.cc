// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/segment_walk.h"

#include "engine/log/batch_scan.h"
#include "engine/units.h"

#include <algorithm>
#include <utility>

namespace millrace::engine {

void SegmentWalk::begin(const From& from) noexcept {
    *this = SegmentWalk{};
    from_ = from;
    position_ = window_begin_ = from.position;
    window_bytes_ = from.window_bytes;
    expected_ = from.expected;
    exact_ = !from.last;
}

void SegmentWalk::feed(Bytes bytes) noexcept {
    window_ = bytes;
    window_begin_ = position_;
}

SegmentWalk::Found SegmentWalk::next() noexcept {
    while (position_ < from_.bytes_end) {
        const auto rest =
                window_.subspan(std::min<std::uint64_t>(position_ - window_begin_, window_.size()));
        if (rest.empty()) {
            window_bytes_ = from_.window_bytes;
            return Found::window_end;
        }
        const ScanBounds bounds{expected_, from_.end, from_.bytes_end - position_};
        const auto looked = look_at_batch(rest, bounds);
        if (looked.look == BatchLook::cut) {
            // A batch that is larger than the window gets a larger one.
            window_bytes_ =
                    std::max(from_.window_bytes, round_up(looked.size, kBlockBytes) + kBlockBytes);
            return Found::window_end;
        }
        const auto batch = BatchView::trusted(rest.data());
        const bool right = looked.look == BatchLook::whole &&
                           (!exact_ || from_.has_holes || batch.base_offset() == expected_) &&
                           batch.crc_is_right();
        if (const auto last = std::exchange(from_.last, std::nullopt); last) {
            if (!right || batch.last_offset() != *last) return Found::mismatch;
        }
        if (!right) {
            position_ += bytes_to_skip(rest, bounds);
            exact_ = false;
            damaged_ = true;
            continue;
        }
        batch_ = rest.data();
        batch_position_ = std::exchange(position_, position_ + looked.size);
        damage_before_ = std::exchange(damaged_, false);
        expected_ = batch.next_offset();
        exact_ = true;
        return Found::batch;
    }
    return Found::end;
}

}  // namespace millrace::engine
