// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A shard's part in checkpoint rounds, and its stop, which ends with one.
#include "engine/assert.h"
#include "engine/engine/shard_engine.h"

#include <algorithm>
#include <utility>

namespace millrace::engine {

namespace {

// One that only WAL entries made says nothing that replay would not find again.
bool is_worth_a_row(const PartitionRow& row) {
    return row.flushed_offset > Offset(0) || !row.segments.empty() || !row.epochs.empty();
}

}  // namespace

void ShardEngineImpl::ask_for_round() noexcept {
    if (in_round_ || link_.wants_round.load(std::memory_order_relaxed)) return;
    if (!logs_.wants_round() && !shard_wal_.has_idle_share()) return;
    link_.wants_round.store(true, std::memory_order_release);
    core_.nudge_leader(link_);
}

void ShardEngineImpl::round_step() noexcept {
    switch (link_.round.step) {
        case RoundStep::prepare:
            ASSERT(!in_round_);
            in_round_ = true;
            link_.wants_round.store(false, std::memory_order_release);
            // Flushing everything and preparing rows do not overlap.
            prepare_waits_ = stop_stage_ == StopStage::flushing;
            if (!prepare_waits_) begin_prepare();
            return;
        case RoundStep::position:
            return take_position();
        case RoundStep::durable:
            return take_durable();
        case RoundStep::abandon:
            if (link_.round.prepared && !failed_) logs_.checkpoint_abandoned();
            for (auto& file : shard_wal_.foreign())
                file.surrendering = false;
            in_round_ = false;
            return answer();
        case RoundStep::stopped:
            if (failed_) return;
            stop_stage_ = StopStage::ended;
            stop_op_->outcome = link_.round.outcome;
            return;
    }
}

void ShardEngineImpl::begin_prepare() noexcept {
    prepare_waits_ = false;
    auto& part = link_.round;
    part.rows.clear();
    part.surrendered.clear();
    unopened_rows_.clear();
    if (failed_) {
        part.prepared = failure(Errc::shutting_down);
        return answer();
    }
    // Recovered logs that nobody has opened stay as they are. One that is opened while rows are
    // being prepared may be in both places, never in none.
    part.all_in_segments = true;
    for (const auto& [key, partition] : recovery_.partitions) {
        if (is_worth_a_row(partition.log.row)) unopened_rows_.push_back(partition.log.row);
        if (!partition.log.tail.empty()) part.all_in_segments = false;
    }
    prepare_.rows.clear();
    prepare_.releases.clear();
    prepare_.owner = this;
    prepare_.done = [](PrepareOp& op) noexcept {
        static_cast<ShardEngineImpl*>(op.owner)->prepare_done();
    };
    logs_.prepare_checkpoint(prepare_);
}

void ShardEngineImpl::prepare_done() noexcept {
    auto& part = link_.round;
    part.prepared = prepare_.outcome;
    if (part.prepared) {
        std::sort(prepare_.rows.begin(), prepare_.rows.end(), [](const auto& a, const auto& b) {
            return a.key < b.key;
        });
        const auto by_key = [](const PartitionRow& row, const PartitionKey& key) {
            return row.key < key;
        };
        part.rows = std::move(prepare_.rows);
        const auto opened = part.rows.size();
        for (auto& row : unopened_rows_) {
            const auto end = part.rows.begin() + static_cast<std::ptrdiff_t>(opened);
            const auto at = std::lower_bound(part.rows.begin(), end, row.key, by_key);
            if (at == end || at->key != row.key) part.rows.push_back(std::move(row));
        }
        for (auto& file : shard_wal_.foreign()) {
            auto left = file.use.unflushed_entries;
            for (const auto& release : prepare_.releases) {
                if (release.file == &file.use) left -= release.entries;
            }
            if (left > 0) continue;
            file.surrendering = true;
            part.surrendered.push_back({file.directory, file.original, file.shares});
        }
    }
    answer();
}

void ShardEngineImpl::take_position() noexcept {
    auto& part = link_.round;
    std::vector<WalRelease> releases;
    const auto add = [&releases](const WalFileUse* file, std::uint64_t entries) {
        const auto found = std::find_if(releases.begin(), releases.end(), [file](const auto& each) {
            return each.file == file;
        });
        if (found == releases.end()) {
            releases.push_back({file, entries});
        } else {
            found->entries += entries;
        }
    };
    for (const auto& release : prepare_.releases) {
        if (!release.file->stand_in) add(release.file, release.entries);
    }
    for (const auto& share : part.returned)
        add(share.original, share.count);
    part.position = wal_.replay_start(releases);
    answer();
}

void ShardEngineImpl::take_durable() noexcept {
    if (!failed_) {
        auto& part = link_.round;
        logs_.checkpoint_durable();
        give_shares_back();
        for (const auto& share : part.returned) {
            ASSERT(share.original->unflushed_entries >= share.count);
            share.original->unflushed_entries -= share.count;
        }
        // Both slots hold this checkpoint.
        wal_.recycle_before(part.position);
        ++counters_.checkpoints;
    }
    in_round_ = false;
    answer();
}

// Nothing refers to them any more: every entry of theirs is released, and gone from the tails.
void ShardEngineImpl::give_shares_back() noexcept {
    shard_wal_.foreign().remove_if([this](const ForeignFile& file) {
        if (!file.surrendering) return false;
        logs_.wal_file_recycled(file.use);
        return true;
    });
}

void ShardEngineImpl::answer() noexcept {
    core_.parts().post.post(0, link_.round.to_leader);
}

void ShardEngineImpl::stop(EngineOp& op) {
    ASSERT(stop_op_ == nullptr && stop_stage_ == StopStage::none);
    stop_op_ = &op;
    atomic_.refuse_new();
    if (!started_ || failed_) {
        stop_stage_ = StopStage::drained;
        return;
    }
    stop_stage_ = StopStage::draining;
    drain_.owner = this;
    drain_.done = [](EngineOp& done) noexcept {
        static_cast<ShardEngineImpl*>(done.owner)->stop_stage_ = StopStage::drained;
    };
    wal_.drain(drain_);
}

void ShardEngineImpl::advance_stop() noexcept {
    if (stop_op_ == nullptr || stop_stage_ == StopStage::ended) return;
    if (failed_) {
        stop_stage_ = StopStage::ended;
        stop_op_->outcome = std::unexpected(core_.failure_reason());
        return;
    }
    if (stop_stage_ != StopStage::drained || in_round_ || drops_left_ > 0) return;
    if (!atomic_.idle()) return;  // What is flushed goes into its logs first.
    if (!started_) {
        stop_stage_ = StopStage::flushed;
        link_.flushed.store(true, std::memory_order_release);
        return core_.nudge_leader(link_);
    }
    stop_stage_ = StopStage::flushing;
    flush_.owner = this;
    flush_.done = [](EngineOp& done) noexcept {
        auto& shard = *static_cast<ShardEngineImpl*>(done.owner);
        shard.stop_stage_ = StopStage::flushed;
        shard.link_.flush_complete.store(done.outcome.has_value(), std::memory_order_release);
        shard.link_.flushed.store(true, std::memory_order_release);
        shard.core_.nudge_leader(shard.link_);
        if (shard.prepare_waits_) shard.begin_prepare();
    };
    logs_.flush_all(flush_);
}

}  // namespace millrace::engine
