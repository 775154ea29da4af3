// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What atomic appends ask of a run: all parts at the offsets that follow what was there, and
// whoever comes while a log is held waits and comes behind it.
#include "tests/crash/crash_append.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::testing {

using engine::Durability;
using engine::Errc;
using engine::Offset;

void CrashRun::append_atomically(const CrashWorkload& workload) {
    auto atomic = std::make_unique<Atomic>();
    const auto want = 2 + random_() % 3;
    for (std::size_t tries = 0; tries < 2 * logs_.size() && atomic->logs.size() < want; ++tries) {
        const auto log = static_cast<std::size_t>(random_() % logs_.size());
        const bool chosen = std::ranges::find(atomic->logs, log) != atomic->logs.end();
        if (!chosen && under_way_[log] == nullptr) atomic->logs.push_back(log);
    }
    if (atomic->logs.empty()) return;
    const auto spread = workload.batch_bytes_max - workload.batch_bytes_min + 1;
    ++atomic_count_;
    const auto number = random_() | 1;
    atomic->run = this;
    for (const auto log : atomic->logs) {
        auto& model = model_[log];
        const auto bytes =
                workload.batch_bytes_min + static_cast<std::uint32_t>(random_() % spread) / 2;
        atomic->batches.push_back(make_batch(random_, bytes, timestamp_at(model.end()), {}));
        engine::AtomicPart part;
        part.key = model.key;
        part.base_offset = Offset(-1);
        if (random_() % 2 == 0) part.expected_offset = model.end();
        atomic->bases.push_back(model.end());
        atomic->parts.push_back(part);
        // From here on it may be on the disk: nothing else is appended before it.
        model.appended(model.end(), atomic->batches.back(), wrong_, number);
        under_way_[log] = atomic.get();
    }
    for (std::size_t index = 0; index < atomic->parts.size(); ++index)
        atomic->parts[index].batches = atomic->batches[index];
    auto& op = atomic->op;
    op.parts = atomic->parts;
    op.owner = atomic.get();
    op.find_log = [](engine::AtomicAppendOp& asked,
                     std::uint32_t /*shard*/,
                     engine::AtomicPart& part) noexcept -> engine::Log* {
        auto& run = *static_cast<Atomic*>(asked.owner)->run;
        const auto found = std::ranges::find(run.model_, part.key, &ModelLog::key);
        return run.logs_[static_cast<std::size_t>(found - run.model_.begin())];
    };
    op.done = [](engine::AtomicAppendOp& ended) noexcept {
        auto& done = *static_cast<Atomic*>(ended.owner);
        done.run->atomic_done(done);
    };
    ++unacked_;
    const auto home = static_cast<std::uint32_t>(random_() % host_.shard_count());
    atomics_.push_back(std::move(atomic));
    host_.shard(home).append_atomic(op);
}

void CrashRun::atomic_done(Atomic& atomic) {
    --unacked_;
    for (const auto log : atomic.logs)
        under_way_[log] = nullptr;
    if (!atomic.op.outcome) {
        const auto code = atomic.op.outcome.error().code;
        if (!faults_) complain(fmt::format("an atomic append failed: {}", name_of(code)));
        // After a failure nobody knows: it may be on the disk.
        if (!host_.failure()) {
            for (std::size_t index = 0; index < atomic.logs.size(); ++index)
                model_[atomic.logs[index]].refused(atomic.bases[index]);
        }
        return;
    }
    ++acked_;
    for (std::size_t index = 0; index < atomic.parts.size(); ++index) {
        auto& model = model_[atomic.logs[index]];
        const auto& part = atomic.parts[index];
        if (part.base_offset != atomic.bases[index]) {
            complain(fmt::format("{}: a part of an atomic append went to {}, not to {}",
                                 model.directory,
                                 part.base_offset.value,
                                 atomic.bases[index].value));
        }
        model.promised(Durability::synced, part.end_offset);
    }
}

bool CrashRun::await_hold(std::size_t log) {
    const auto decided = [this, log] {
        return under_way_[log] == nullptr || under_way_[log]->holds(log) || host_.failure();
    };
    if (decided() || host_.run_until(decided)) {
        // After a failure nobody says any more what became of it.
        return under_way_[log] == nullptr || under_way_[log]->holds(log);
    }
    complain(fmt::format("{}: an atomic append never holds it", model_[log].directory));
    return false;
}

bool CrashRun::await_release(std::size_t log) {
    bool ready = false;
    engine::LogWaiter waiter;
    waiter.owner = &ready;
    waiter.ready = [](engine::LogWaiter& woken) noexcept {
        *static_cast<bool*>(woken.owner) = true;
    };
    logs_[log]->wait_for_release(waiter);
    // Told as well of what became of it: a refused one leaves its offsets to others.
    const bool woken = host_.run_until(
            [&] { return (ready && under_way_[log] == nullptr) || host_.failure(); });
    if (!ready) logs_[log]->cancel_wait(waiter);
    if (!woken && !faults_) complain("a held log is never released");
    return woken && ready && !host_.failure();
}

}  // namespace millrace::testing
