// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/verify/log_verify.h"

#include <algorithm>
#include <utility>

namespace millrace::engine {

LogVerify::LogVerify(LogVerifyOwner& owner,
                     LogContext& context,
                     OpenFiles& files,
                     IoGate& gate,
                     ScrubPace& pace,
                     DamageBook& book)
        : owner_(owner), context_(context), book_(book), segment_(context, files, gate, pace) {
    begin_.owner = this;
    begin_.run = [](Deferred& deferred) noexcept {
        static_cast<LogVerify*>(deferred.owner)->next_segment();
    };
}

void LogVerify::start(LogState& log, VerifyOp& op) noexcept {
    log_ = &log;
    ++log.jobs;
    op_ = &op;
    op.state = this;
    op.outcome = {};
    op.at_end = false;
    op.next_offset = op.from;
    op.segments = op.batches = op.records = op.bytes = op.damaged_in_all = 0;
    op.damaged.clear();
    begun_ = false;
    context_.defer(begin_);
}

void LogVerify::give_up(Error error) noexcept {
    auto& op = *std::exchange(op_, nullptr);
    op.state = nullptr;
    op.outcome = std::unexpected(error);
    segment_.give_up();
    op.done(op);
}

// From the deferred call at first, then from a completion.
void LogVerify::next_segment() noexcept {
    if (op_ == nullptr) return end_job();
    if (context_.failed) return finish(std::unexpected(*context_.failed));
    auto& segments = log_->segments;
    const auto from = std::max(op_->next_offset, log_->log_start);
    auto* segment = segments.find(from);
    if (segment == nullptr && !segments.empty()) segment = &segments.at(0);
    // Verified already. One that goes on behind it has taken the place of others, and is not.
    if (segment != nullptr && begun_ && segment->base < op_->next_offset &&
        segment->planned_end <= op_->next_offset) {
        segment = segments.after(*segment);
    }
    if (segment == nullptr || segment->bytes == 0) {
        op_->at_end = true;
        op_->next_offset = std::max(op_->next_offset, log_->stored_end);
        return finish({});
    }
    begun_ = true;
    from_ = segment->base;
    end_ = std::min(segment->planned_end, log_->stored_end);
    last_ = end_ == log_->stored_end;
    found_ = {};
    segment_.start(*log_, *segment, found_, completion_of<&LogVerify::segment_over>(*this));
}

void LogVerify::segment_over(Result<void> outcome) noexcept {
    if (op_ == nullptr) return end_job();
    if (!outcome) return finish(outcome);
    const bool verified = found_.segments > 0;  // Else it left the log meanwhile.
    if (verified) book_.replace(*log_, from_, end_, found_.damaged);
    take_over(found_);
    op_->next_offset = std::max(verified ? end_ : from_, log_->log_start);
    op_->at_end = verified && last_;
    if (op_->at_end || (verified && op_->bytes >= op_->bytes_max)) return finish({});
    context_.defer(begin_);
}

void LogVerify::take_over(VerifyOp& found) noexcept {
    op_->segments += found.segments;
    op_->batches += found.batches;
    op_->records += found.records;
    op_->bytes += found.bytes;
    op_->damaged_in_all += found.damaged_in_all;
    for (auto& range : found.damaged) {
        if (op_->damaged.size() < kDamagedRangesMax) op_->damaged.push_back(std::move(range));
    }
}

void LogVerify::finish(Result<void> outcome) noexcept {
    auto& op = *std::exchange(op_, nullptr);
    op.state = nullptr;
    op.outcome = outcome;
    end_job();
    op.done(op);
}

void LogVerify::end_job() noexcept {
    found_ = {};
    --log_->jobs;
    log_ = nullptr;
    owner_.ended(*this);
}

}  // namespace millrace::engine
