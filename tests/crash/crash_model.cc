// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/crash/crash_model.h"

#include "engine/assert.h"
#include "engine/format/record_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

namespace millrace::testing {

using engine::BatchView;
using engine::Durability;
using engine::Offset;

namespace {

// The leader epoch is the broker's to give; all other bytes are the producer's.
bool same_batch(engine::Bytes stored, engine::Bytes appended) {
    if (stored.size() != appended.size()) return false;
    constexpr std::size_t kEpochEnd = engine::batch_at::kLeaderEpoch + 4;
    return std::memcmp(stored.data(), appended.data(), engine::batch_at::kLeaderEpoch) == 0 &&
           std::memcmp(stored.data() + kEpochEnd,
                       appended.data() + kEpochEnd,
                       stored.size() - kEpochEnd) == 0;
}

}  // namespace

std::string ModelLog::complain(const std::string& what, Offset at) const {
    return fmt::format("{}: {} at offset {}", directory, what, at.value);
}

Offset ModelLog::end() const {
    return batches_.empty() ? Offset(0) : batches_.back()->end;
}

std::size_t ModelLog::batches_below(Offset end) const {
    const auto first_above =
            std::ranges::find_if(batches_, [end](const auto& batch) { return batch->end > end; });
    return static_cast<std::size_t>(first_above - batches_.begin());
}

std::vector<std::shared_ptr<const ModelBatch>> ModelLog::last_batches(std::size_t count) const {
    const auto first =
            batches_.end() - static_cast<std::ptrdiff_t>(std::min(count, batches_.size()));
    return {first, batches_.end()};
}

std::int32_t ModelLog::next_sequence() const {
    if (batches_.empty()) return 0;
    const auto last = BatchView::trusted(batches_.back()->bytes.data());
    return last.base_sequence() + last.last_offset_delta() + 1;
}

const ModelBatch* ModelLog::batch_below(Offset end, std::uint64_t random) const {
    const auto count = batches_below(end);
    return count == 0 ? nullptr : batches_[random % count].get();
}

void ModelLog::appended(Offset base,
                        engine::Bytes batch,
                        std::vector<std::string>& wrong,
                        std::uint64_t atomic) {
    if (base != end()) wrong.push_back(complain("an append left a gap or went back", base));
    auto kept = std::make_shared<ModelBatch>();
    kept->bytes.assign(batch.begin(), batch.end());
    engine::set_batch_place(kept->bytes.data(), base, -1);
    kept->base = base;
    kept->atomic = atomic;
    kept->end = BatchView::trusted(kept->bytes.data()).next_offset();
    batches_.push_back(std::move(kept));
}

void ModelLog::refused(Offset base) {
    ASSERT(!batches_.empty() && batches_.back()->base == base);
    batches_.pop_back();
}

void ModelLog::promised(Durability state, Offset end) {
    for (std::size_t weaker = 0; weaker <= static_cast<std::size_t>(state); ++weaker)
        ends_[weaker] = std::max(ends_[weaker], end);
}

void ModelLog::start_asked(Offset start) {
    starts_asked_.push_back(start);
}

void ModelLog::start_seen(Offset start) {
    start_ = std::max(start_, start);
}

// Retention asks by itself, for the first offset of some segment.
bool ModelLog::may_start_at(Offset start) const {
    if (start == start_) return true;
    if (start < start_ || start > end()) return false;
    if (std::ranges::find(starts_asked_, start) != starts_asked_.end()) return true;
    return config.retention_bytes >= 0 &&
           std::ranges::any_of(batches_, [&](const auto& batch) { return batch->end == start; });
}

void ModelLog::ended(Ending ending) {
    if (ending == Ending::stopped) return;
    const auto kept = ending == Ending::power_cut ? Durability::synced : Durability::written;
    for (std::size_t weaker = 0; weaker < static_cast<std::size_t>(kept); ++weaker)
        ends_[weaker] = ends_[static_cast<std::size_t>(kept)];
}

std::size_t ModelLog::required(Ending ending) const {
    switch (ending) {
        case Ending::power_cut:
            return batches_below(ends_[static_cast<std::size_t>(Durability::synced)]);
        case Ending::killed:
            return batches_below(ends_[static_cast<std::size_t>(Durability::written)]);
        default:
            return batches_.size();
    }
}

void ModelLog::check_recovered(Ending ending,
                               const engine::LogOffsets& offsets,
                               engine::Bytes read,
                               std::vector<std::string>& wrong) const {
    if (!may_start_at(offsets.log_start)) {
        wrong.push_back(complain(fmt::format("the log started at {} and now", start_.value),
                                 offsets.log_start));
    }
    if (offsets.flushed_end != offsets.log_end || offsets.visible_end != offsets.log_end) {
        wrong.push_back(complain("recovered records are not readable", offsets.visible_end));
    }
    const auto needed = required(ending);
    const auto promise = needed == 0 ? Offset(0) : batches_[needed - 1]->end;
    if (offsets.log_end < promise) {
        wrong.push_back(complain(
                fmt::format("records below {} were promised and the log ends", promise.value),
                offsets.log_end));
    }
    if (offsets.log_end > end()) {
        wrong.push_back(complain("the log ends beyond what was appended", offsets.log_end));
    }
    if (config.compacts) {
        return check_compacted(offsets.log_start, offsets.log_end, offsets.log_end, read, wrong);
    }
    std::int64_t bytes = 0;
    for (const auto& batch : batches_) {
        const bool readable = batch->end > offsets.log_start && batch->end <= offsets.log_end;
        if (readable) bytes += static_cast<std::int64_t>(batch->bytes.size());
    }
    if (bytes != static_cast<std::int64_t>(read.size())) {
        wrong.push_back(complain(
                fmt::format("{} bytes were read where {} were appended", read.size(), bytes),
                offsets.log_end));
    }
    check_read(offsets.log_start, read, wrong);
}

void ModelLog::check_read(Offset from, engine::Bytes read, std::vector<std::string>& wrong) const {
    std::size_t at = batches_below(from);
    engine::LeaderEpoch epoch = -1;
    while (!read.empty()) {
        const auto batch = BatchView::parse(read);
        if (!batch) {
            wrong.push_back(complain("what was read is no batch", from));
            return;
        }
        if (at >= batches_.size() || !same_batch(batch->bytes(), batches_[at]->bytes)) {
            const bool hole = at < batches_.size() && batch->base_offset() > batches_[at]->base;
            wrong.push_back(complain(hole ? "a hole" : "a batch nobody appended there",
                                     batch->base_offset()));
            return;
        }
        if (batch->leader_epoch() < epoch) wrong.push_back(complain("the epoch falls", from));
        epoch = batch->leader_epoch();
        from = batch->next_offset();
        read = read.subspan(batch->size());
        ++at;
    }
}

void ModelLog::continue_from(Offset log_start, Offset log_end) {
    start_ = log_start;
    starts_asked_.clear();
    batches_.resize(batches_below(log_end));
    std::ranges::fill(ends_, log_end);
}

void check_atomic(const Model& model,
                  const std::vector<Offset>& ends,
                  std::vector<std::string>& wrong) {
    struct Parts {
        std::size_t there = 0;
        std::size_t gone = 0;
    };

    std::map<std::uint64_t, Parts> appends;
    for (std::size_t log = 0; log < model.size(); ++log) {
        for (const auto& batch : model[log].batches()) {
            if (batch->atomic == 0) continue;
            ++(batch->end <= ends[log] ? appends[batch->atomic].there
                                       : appends[batch->atomic].gone);
        }
    }
    for (const auto& [number, parts] : appends) {
        if (parts.there == 0 || parts.gone == 0) continue;
        wrong.push_back(fmt::format("of atomic append {} {} parts are there and {} are not",
                                    number,
                                    parts.there,
                                    parts.gone));
    }
}

}  // namespace millrace::testing
