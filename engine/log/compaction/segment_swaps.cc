// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/compaction/segment_swaps.h"

#include "engine/base/planted_bugs.h"
#include "engine/log/segment_removals.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

namespace millrace::engine {

namespace {

constexpr std::array kSwapped{kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix};

constexpr MonotonicTime kRetry = std::chrono::seconds(1);

std::string name_in_folder(Offset base, std::string_view suffix) {
    const auto path = segment_path({}, base, suffix);
    return std::string(path.view().substr(path.view().rfind('/') + 1));
}

}  // namespace

void SwapFinisher::start(SwapBatch& batch, Completion done) noexcept {
    batch_ = &batch;
    done_ = done;
    swap_ = suffix_ = 0;
    unlinks_.clear();
    next_rename();
}

void SwapFinisher::next_rename() noexcept {
    if (batch_->log->removed) return finish(failure(Errc::shutting_down));
    if (swap_ == batch_->swaps.size()) return list_old();
    const auto base = batch_->swaps[swap_].base;
    const auto& directory = batch_->log->directory;
    auto from = segment_path(directory, base, kSwapped[suffix_]);
    from.append(kSwapSuffix);
    rename(from, segment_path(directory, base, kSwapped[suffix_]), &SwapFinisher::renamed);
}

void SwapFinisher::renamed() noexcept {
    if (is_full(result())) return finish(failure(Errc::storage_full));
    // -ENOENT: it has been done.
    if (result() != -ENOENT && ended_by_failure("rename of a compacted segment")) return;
    if (!batch_->recovered || result() == -ENOENT) return next_suffix();
    // Where a crash has left both names to one file, a rename leaves them, too.
    auto path = segment_path(batch_->log->directory, batch_->swaps[swap_].base, kSwapped[suffix_]);
    path.append(kSwapSuffix);
    path_call(FileOpKind::unlink, path, &SwapFinisher::second_name_gone);
}

void SwapFinisher::second_name_gone() noexcept {
    if (result() != -ENOENT && ended_by_failure("removal of a compacted segment's name")) return;
    next_suffix();
}

void SwapFinisher::next_suffix() noexcept {
    if (++suffix_ == kSwapped.size()) {
        suffix_ = 0;
        ++swap_;
    }
    next_rename();
}

void SwapFinisher::list_old() noexcept {
    if (batch_->recovered) {
        return path_call(
                FileOpKind::list, partition_path(batch_->log->directory), &SwapFinisher::listed);
    }
    for (const auto& swap : batch_->swaps) {
        for (const auto& old : swap.old) {
            if (old->base == swap.base) continue;
            for (const auto suffix : kSwapped)
                add_old(old->base, suffix);
            add_old(old->base, kSnapshotSuffix);
        }
    }
    next_unlink();
}

void SwapFinisher::add_old(Offset base, std::string_view suffix) {
    const bool kept = suffix == kSnapshotSuffix && batch_->log->producers.keeps_snapshot(base);
    if (!kept) unlinks_.push_back(name_in_folder(base, suffix));
}

void SwapFinisher::listed() noexcept {
    if (ended_by_failure("listing of a partition's folder")) return;
    for (auto& name : std::exchange(op_.names, {})) {
        if (is_old(name)) unlinks_.push_back(std::move(name));
    }
    next_unlink();
}

// What an earlier run has replaced lies between the first and the last offset of a new segment.
bool SwapFinisher::is_old(std::string_view name) const noexcept {
    const auto base = segment_base_of(name);
    if (!base) return false;
    const bool inside = std::ranges::any_of(batch_->swaps, [&base](const auto& swap) {
        return *base > swap.base && *base < swap.end;
    });
    if (!inside) return false;
    return !name.ends_with(kSnapshotSuffix) || !batch_->log->producers.keeps_snapshot(*base);
}

void SwapFinisher::next_unlink() noexcept {
    if (batch_->log->removed) return finish(failure(Errc::shutting_down));
    if (unlinks_.empty()) {
        return path_call(FileOpKind::sync_directory,
                         partition_path(batch_->log->directory),
                         &SwapFinisher::folder_synced);
    }
    path_call(FileOpKind::unlink,
              partition_file_path(batch_->log->directory, unlinks_.back()),
              &SwapFinisher::unlinked);
}

void SwapFinisher::unlinked() noexcept {
    if (result() != -ENOENT && ended_by_failure("removal of a compacted segment")) return;
    unlinks_.pop_back();
    next_unlink();
}

void SwapFinisher::folder_synced() noexcept {
    if (!batch_->log->removed && ended_by_failure("sync of a partition's folder")) return;
    finish(batch_->log->removed ? failure(Errc::shutting_down) : Result<void>{});
}

void SwapFinisher::finish(Result<void> outcome) noexcept {
    batch_ = nullptr;
    unlinks_.clear();
    const auto done = std::exchange(done_, {});
    done(outcome);
}

SegmentSwaps::SegmentSwaps(LogContext& context,
                           OpenFiles& files,
                           IndexCache& indexes,
                           SegmentRemovals& removals)
        : context_(context),
          files_(files),
          indexes_(indexes),
          removals_(removals),
          finisher_(context) {}

bool SegmentSwaps::may_replace(LogState& log, const Replacement& replacement) noexcept {
    auto* segment = log.segments.find(replacement.sources.front()->base);
    for (const auto* source : replacement.sources) {
        if (segment != source) return false;
        segment = log.segments.after(*segment);
    }
    return true;
}

void SegmentSwaps::replace(LogState& log,
                           std::vector<Replacement>&& replacements,
                           Completion done) {
    auto& batch = *batches_.emplace_back(std::make_unique<SwapBatch>());
    batch.log = &log;
    batch.done = done;
    ++log.jobs;
    ++log.generation;
    for (auto& replacement : replacements) {
        std::size_t first = 0;
        while (&log.segments.at(first) != replacement.sources.front())
            ++first;
        auto& made = *replacement.made;
        auto old = log.segments.replace(
                first, replacement.sources.size(), std::move(replacement.made));
        for (const auto& segment : old)
            log.size_bytes -= segment->planned_bytes;
        log.size_bytes += made.planned_bytes;
        indexes_.put(made, std::move(replacement.index));
        log.compaction().replacing.emplace_back(made.base, made.planned_end);
        batch.swaps.push_back({made.base, made.planned_end, std::move(old)});
    }
    if (bug_planted(PlantedBug::unlink_before_named)) batch.stage = SwapBatch::Stage::named;
}

void SegmentSwaps::adopt(LogState& log) {
    SwapBatch found;
    for (std::size_t i = 0; i < log.segments.size(); ++i) {
        const auto& segment = log.segments.at(i);
        if (!segment.swapping) continue;
        log.compaction().replacing.emplace_back(segment.base, segment.planned_end);
        found.swaps.push_back({segment.base, segment.planned_end, {}});
    }
    if (found.swaps.empty()) return;
    ++log.jobs;
    found.log = &log;
    found.stage = SwapBatch::Stage::named;
    found.recovered = true;
    batches_.push_back(std::make_unique<SwapBatch>(std::move(found)));
}

void SegmentSwaps::rows_taken() noexcept {
    for (const auto& batch : batches_) {
        if (batch->stage == SwapBatch::Stage::unnamed) batch->stage = SwapBatch::Stage::in_round;
    }
    for (auto& unsettled : unsettled_)
        unsettled.in_round = true;
    wants_settled_ = false;
}

void SegmentSwaps::round_durable() noexcept {
    for (const auto& batch : batches_) {
        if (batch->stage == SwapBatch::Stage::in_round) batch->stage = SwapBatch::Stage::named;
    }
    std::erase_if(unsettled_, [](const Unsettled& unsettled) {
        if (unsettled.in_round) unsettled.log->compaction().unsettled = false;
        return unsettled.in_round;
    });
    // A stop ends with a round: it waits for what is in flight when it is over, and no turn comes.
    start_finisher();
}

void SegmentSwaps::round_abandoned() noexcept {
    for (const auto& batch : batches_) {
        if (batch->stage == SwapBatch::Stage::in_round) batch->stage = SwapBatch::Stage::unnamed;
    }
    for (auto& unsettled : unsettled_)
        unsettled.in_round = false;
}

bool SegmentSwaps::wants_round() const noexcept {
    return wants_settled_ || std::ranges::any_of(batches_, [](const auto& batch) {
               return batch->stage == SwapBatch::Stage::unnamed;
           });
}

void SegmentSwaps::forget(LogState& log) noexcept {
    std::erase_if(unsettled_, [&log](const Unsettled& each) { return each.log == &log; });
}

bool SegmentSwaps::is_free(const SwapBatch& batch) noexcept {
    return std::ranges::all_of(batch.swaps, [](const auto& swap) {
        return std::ranges::all_of(swap.old, [](const auto& old) {
            return old->holds == 0 && old->index_pins == 0 && !OpenFiles::in_use(*old);
        });
    });
}

bool SegmentSwaps::may_start(const SwapBatch& batch) const noexcept {
    const bool ends = context_.failed || batch.log->removed;
    return (ends || batch.stage == SwapBatch::Stage::named) && is_free(batch);
}

void SegmentSwaps::end_turn() noexcept {
    if (context_.clock.monotonic_now() >= retry_at_ || context_.failed) start_finisher();
}

MonotonicTime SegmentSwaps::next_deadline() const noexcept {
    if (!finisher_.idle()) return MonotonicTime::max();
    const bool waits =
            std::ranges::any_of(batches_, [this](const auto& batch) { return may_start(*batch); });
    return waits ? retry_at_ : MonotonicTime::max();
}

void SegmentSwaps::start_finisher() noexcept {
    for (std::size_t i = 0; i < batches_.size() && finisher_.idle(); ++i) {
        auto& batch = *batches_[i];
        if (!may_start(batch)) continue;
        for (auto& swap : batch.swaps) {
            for (auto& old : swap.old) {
                files_.let_go(*old);
                indexes_.drop(*old);
            }
        }
        if (context_.failed || batch.log->removed) {
            end_batch(batch, failure(Errc::shutting_down));
            --i;
            continue;
        }
        batch.stage = SwapBatch::Stage::finishing;
        finisher_.start(batch, completion_of<&SegmentSwaps::finished>(*this));
    }
}

void SegmentSwaps::finished(Result<void> outcome) noexcept {
    const auto found = std::ranges::find_if(batches_, [](const auto& batch) {
        return batch->stage == SwapBatch::Stage::finishing;
    });
    if (!outcome && outcome.error().code == Errc::storage_full) {
        (*found)->stage = SwapBatch::Stage::named;
        retry_at_ = context_.clock.monotonic_now() + kRetry;
        return;
    }
    end_batch(**found, outcome);
}

void SegmentSwaps::end_batch(SwapBatch& batch, Result<void> outcome) noexcept {
    auto& log = *batch.log;
    const auto done = batch.done;
    if (outcome) {
        for (const auto& swap : batch.swaps) {
            // Retention leaves it alone until it is over.
            log.segments.find(swap.base)->swapping = false;
            // Readers get what is left, no longer what was.
            log.tail.let_go_released_below(swap.end);
        }
        log.compaction().replacing.clear();
        log.compaction().unsettled = true;
        std::erase_if(unsettled_, [&log](const Unsettled& each) { return each.log == &log; });
        unsettled_.push_back({&log});
        removals_.look(log);
    }
    --log.jobs;
    std::erase_if(batches_, [&batch](const auto& each) { return each.get() == &batch; });
    if (done.run != nullptr) done(outcome);
}

}  // namespace millrace::engine
