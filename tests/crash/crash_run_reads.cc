// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The reading half of a run.
#include "engine/format/record_batch.h"
#include "tests/crash/crash_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace millrace::testing {

using engine::Offset;

namespace {

constexpr std::size_t kHeldMax = 6;

}  // namespace

// The metadata log keeps all it has.
void CrashRun::delete_random() {
    const auto log = 1 + static_cast<std::size_t>(random_() % (logs_.size() - 1));
    auto& model = model_[log];
    bool done = false;
    engine::DeleteOp op;
    op.owner = &done;
    op.done = [](engine::DeleteOp& ended) noexcept { *static_cast<bool*>(ended.owner) = true; };
    if (random_() % 3 == 0) {
        logs_[log]->expire(op);
    } else {
        const auto* batch = model.batch_below(logs_[log]->offsets().visible_end, random_());
        if (batch == nullptr) return;
        op.before = random_() % 2 == 0 ? batch->base : batch->end;
        model.start_asked(op.before);
        logs_[log]->delete_before(op);
    }
    if (!host_.run_until([&done] { return done; })) {
        complain(model.directory + ": a deletion never ends");
        return;
    }
    const auto start = see_start(log);
    const bool no_room = !op.outcome && op.outcome.error().code == engine::Errc::no_room;
    if (!op.outcome && !no_room && !faults_) complain(model.directory + ": a deletion failed");
    if (op.outcome && start < op.before) complain(model.directory + ": a deletion did nothing");
}

Offset CrashRun::see_start(std::size_t log) {
    const auto start = logs_[log]->offsets().log_start;
    if (start < model_[log].start()) complain(model_[log].directory + ": the log start went back");
    model_[log].start_seen(start);
    return start;
}

void CrashRun::read_random() {
    const auto log = static_cast<std::size_t>(random_() % logs_.size());
    see_start(log);
    const auto offsets = logs_[log]->offsets();
    if (offsets.visible_end == offsets.log_start) return;
    const auto span = static_cast<std::uint64_t>(offsets.visible_end - offsets.log_start);
    const auto from = offsets.log_start + static_cast<std::int64_t>(random_() % span);
    std::vector<std::byte> bytes;
    if (read(log, from, offsets.visible_end, bytes)) {
        check_read(log, from, offsets.visible_end, bytes);
        if (bytes.empty()) complain(model_[log].directory + ": visible records are not read");
    } else if (!faults_ && from >= see_start(log)) {
        complain(model_[log].directory + ": a read failed");
    }
}

void CrashRun::read_everything() {
    std::vector<std::byte> bytes;
    for (std::size_t log = 0; log < logs_.size(); ++log) {
        see_start(log);
        const auto offsets = logs_[log]->offsets();
        bytes.clear();
        if (read(log, offsets.log_start, offsets.visible_end, bytes)) {
            check_read(log, offsets.log_start, offsets.visible_end, bytes);
        }
    }
}

// Everything from `from` to `to` was read.
void CrashRun::check_read(std::size_t log, Offset from, Offset to, engine::Bytes bytes) {
    const auto& model = model_[log];
    if (!model.config.compacts) return model.check_read(from, bytes, wrong_);
    const auto offsets = logs_[log]->offsets();
    model.check_compacted(
            std::max(from, offsets.log_start), to, offsets.visible_end, bytes, wrong_);
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

// The first record at or above a batch's time is the batch's first, or where the log begins.
void CrashRun::look_up_random_time() {
    const auto log = static_cast<std::size_t>(random_() % logs_.size());
    const auto visible = logs_[log]->offsets().visible_end;
    const auto* batch = model_[log].batch_below(visible, random_());
    if (batch == nullptr) return;
    const auto from = std::max(see_start(log), batch->base);
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
        return;
    }
    const auto moved = std::max(see_start(log), batch->base);
    // What was to be found may have gone for a later record.
    if (model_[log].config.compacts && (!op.found || op.offset >= from)) return;
    const bool right = op.found ? op.offset == from || op.offset == moved : moved >= visible;
    if (!right) {
        complain(fmt::format("{}: the time of offset {} leads to {}",
                             model_[log].directory,
                             from.value,
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
