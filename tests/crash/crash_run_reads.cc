// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The reading half of a run.
#include "engine/format/record_batch.h"
#include "tests/crash/crash_run.h"

#include <fmt/format.h>

#include <utility>

namespace millrace::testing {

using engine::Offset;

namespace {

constexpr std::size_t kHeldMax = 6;

}  // namespace

void CrashRun::read_random() {
    const auto log = static_cast<std::size_t>(random_() % logs_.size());
    const auto offsets = logs_[log]->offsets();
    if (offsets.visible_end == offsets.log_start) return;
    const auto span = static_cast<std::uint64_t>(offsets.visible_end - offsets.log_start);
    const auto from = offsets.log_start + static_cast<std::int64_t>(random_() % span);
    std::vector<std::byte> bytes;
    if (read(log, from, offsets.visible_end, bytes)) {
        model_[log].check_read(from, bytes, wrong_);
        if (bytes.empty()) complain(model_[log].directory + ": visible records are not read");
    } else if (!faults_) {
        complain(model_[log].directory + ": a read failed");
    }
}

void CrashRun::read_everything() {
    std::vector<std::byte> bytes;
    for (std::size_t log = 0; log < logs_.size(); ++log) {
        const auto offsets = logs_[log]->offsets();
        bytes.clear();
        if (read(log, offsets.log_start, offsets.visible_end, bytes)) {
            model_[log].check_read(offsets.log_start, bytes, wrong_);
        }
    }
}

bool CrashRun::read(std::size_t log, Offset from, Offset limit, std::vector<std::byte>& into) {
    while (from < limit) {
        bool done = false;
        engine::ReadOp op;
        op.from = from;
        op.limit = limit;
        op.bytes_max = 6000;
        op.owner = &done;
        op.done = [](engine::ReadOp& read) noexcept { *static_cast<bool*>(read.owner) = true; };
        if (logs_[log]->read(op) == engine::ReadStatus::pending &&
            !host_.run_until([&done] { return done; })) {
            complain(model_[log].directory + ": a read never ends");
            return false;
        }
        if (!op.outcome) {
            ++failed_reads_;
            return false;
        }
        for (const auto& slice : op.slices) {
            const auto bytes = slice.bytes();
            into.insert(into.end(), bytes.begin(), bytes.end());
        }
        if (random_() % 8 == 0) hold(log, from, std::move(op.slices));
        if (op.next_offset <= from) {
            complain(model_[log].directory + ": a read makes no progress");
            return false;
        }
        from = op.next_offset;
    }
    return true;
}

// The first record at or above a batch's time is the batch's first.
void CrashRun::look_up_random_time() {
    const auto log = static_cast<std::size_t>(random_() % logs_.size());
    const auto visible = logs_[log]->offsets().visible_end;
    const auto* batch = model_[log].batch_below(visible, random_());
    if (batch == nullptr) return;
    bool done = false;
    engine::TimeLookupOp op;
    op.timestamp = engine::BatchView::trusted(batch->bytes.data()).base_timestamp();
    op.limit = visible;
    op.owner = &done;
    op.done = [](engine::TimeLookupOp& look) noexcept { *static_cast<bool*>(look.owner) = true; };
    logs_[log]->look_up_time(op);
    if (!host_.run_until([&done] { return done; })) {
        complain(model_[log].directory + ": a look-up by time never ends");
        return;
    }
    if (!op.outcome) {
        ++failed_reads_;
        if (!faults_) complain(model_[log].directory + ": a look-up by time failed");
    } else if (!op.found || op.offset != batch->base) {
        complain(fmt::format("{}: the time of offset {} leads to {}",
                             model_[log].directory,
                             batch->base.value,
                             op.found ? op.offset.value : -1));
    }
}

void CrashRun::hold(std::size_t log, Offset from, std::vector<engine::Slice> slices) {
    auto& held = held_.emplace_back();
    held.log = log;
    held.from = from;
    held.slices = std::move(slices);
    for (const auto& slice : held.slices) {
        const auto bytes = slice.bytes();
        held.bytes.insert(held.bytes.end(), bytes.begin(), bytes.end());
    }
    if (held_.size() > kHeldMax) check_held();
}

// Bytes do not change under a reader, whatever was written over meanwhile.
void CrashRun::check_held() {
    for (const auto& held : held_) {
        std::vector<std::byte> now;
        for (const auto& slice : held.slices) {
            const auto bytes = slice.bytes();
            now.insert(now.end(), bytes.begin(), bytes.end());
        }
        if (now != held.bytes) {
            complain(fmt::format("{}: bytes of offset {} changed under their reader",
                                 model_[held.log].directory,
                                 held.from.value));
        }
    }
    held_.clear();
}

}  // namespace millrace::testing
