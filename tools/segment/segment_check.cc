// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/segment/segment_check.h"

#include "tools/segment/batch_fault.h"
#include "tools/segment/index_check.h"
#include "tools/segment/segment_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::segment {

namespace {

using engine::Offset;

class Check {
public:
    Check(const StoredSegment& segment, SegmentReader reader)
            : segment_(segment), index_(segment), reader_(std::move(reader)), next_(segment.base) {}

    SegmentCheck run() {
        while (step()) {
        }
        if (whole_) {
            check_end();
            index_.end(result_.damaged);
        }
        return std::move(result_);
    }

private:
    // Where a batch begins, and its first offset.
    struct Place {
        std::uint64_t position = 0;
        Offset offset;
    };

    // False at the end.
    bool step() {
        const auto position = reader_.position();
        const auto batch = reader_.next();
        if (!batch) return go_on(position, std::nullopt, batch.error());
        if (!*batch) return false;
        std::uint64_t records = 0;
        auto fault = fault_of(**batch, records_, records);
        if (!fault && (*batch)->base_offset() < next_) {
            fault = fmt::format(
                    "offset {} where {} is next", (*batch)->base_offset().value, next_.value);
        }
        if (fault) {
            const Place behind{reader_.position(), (*batch)->next_offset()};
            return go_on(position, behind, *fault);
        }
        index_.pass(**batch, position, result_.damaged);
        next_ = (*batch)->next_offset();
        ++result_.batches;
        result_.records += records;
        result_.bytes += (*batch)->size();
        return true;
    }

    // Notes the damage at `position` and seeks the next sound batch. `behind`: where it is if what
    // the damaged one says of itself is right.
    bool go_on(std::uint64_t position, std::optional<Place> behind, std::string reason) {
        const auto found = resume(position, behind);
        Damage damage{segment_.file, next_, std::nullopt, position, std::move(reason)};
        if (found) {
            damage.last = found->offset - 1;
        } else if (segment_.end) {
            damage.last = *segment_.end - 1;
        }
        if (damage.last && *damage.last < damage.first) damage.first = *damage.last;
        result_.damaged.push_back(std::move(damage));
        if (!found) {
            whole_ = false;
            return false;
        }
        reader_.seek(found->position);
        index_.skip_to(found->position, found->offset);
        next_ = std::max(next_, found->offset);
        return true;
    }

    // Behind the damage at `position`.
    std::optional<Place> resume(std::uint64_t position, std::optional<Place> behind) {
        if (behind) {
            behind->offset = std::max(behind->offset, next_);
            if (behind->position == reader_.end()) {
                return Place{behind->position, segment_.end.value_or(behind->offset)};
            }
            if (const auto offset = sound_batch_at(behind->position)) {
                return Place{behind->position, *offset};
            }
        }
        for (const auto& entry : index_.offsets()) {
            if (entry.position <= position || entry.position >= reader_.end()) continue;
            if (const auto offset = sound_batch_at(entry.position)) {
                return Place{entry.position, *offset};
            }
        }
        return std::nullopt;
    }

    std::optional<Offset> sound_batch_at(std::uint64_t position) {
        reader_.seek(position);
        const auto batch = reader_.next();
        if (!batch || !*batch || !(*batch)->crc_is_right()) return std::nullopt;
        if ((*batch)->base_offset() < next_) return std::nullopt;
        return (*batch)->base_offset();
    }

    void check_end() {
        if (!segment_.end || !segment_.bytes || next_ == *segment_.end) return;
        if (next_ < *segment_.end && segment_.sealed)
            return;  // Compaction may have taken the last.
        result_.damaged.push_back(
                {segment_.file,
                 std::min(next_, *segment_.end),
                 std::max(next_, *segment_.end) - 1,
                 reader_.end(),
                 fmt::format("it ends before offset {} where the checkpoint says {}",
                             next_.value,
                             segment_.end->value)});
    }

    const StoredSegment& segment_;
    IndexCheck index_;
    SegmentReader reader_;
    engine::BatchReader records_;
    Offset next_;
    bool whole_ = true;  // The end was reached.
    SegmentCheck result_;
};

}  // namespace

SegmentCheck check_segment(const StoredSegment& segment) {
    auto reader = SegmentReader::open(segment.file, segment.bytes);
    if (reader) return Check(segment, std::move(*reader)).run();
    std::optional<Offset> last;
    if (segment.end) last = *segment.end - 1;
    SegmentCheck result;
    result.damaged.push_back({segment.file, segment.base, last, 0, reader.error()});
    return result;
}

}  // namespace millrace::segment
