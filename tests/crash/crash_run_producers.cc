// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What idempotent producers ask of a run: that a batch is stored once, however often it is sent and
// whatever crash lies in between.
#include "engine/format/producer_snapshot.h"
#include "engine/format/record_batch.h"
#include "tests/crash/crash_append.h"

#include <fmt/format.h>

namespace millrace::testing {

using engine::BatchView;
using engine::Durability;
using engine::Errc;
using engine::Offset;

namespace {

std::vector<std::byte> as_sent(const ModelBatch& batch) {
    auto bytes = batch.bytes;
    engine::set_batch_place(bytes.data(), Offset(0), -1);
    return bytes;
}

}  // namespace

bool CrashRun::await_producers(std::size_t log) {
    bool ready = false;
    engine::LogWaiter waiter;
    waiter.owner = &ready;
    waiter.ready = [](engine::LogWaiter& woken) noexcept {
        *static_cast<bool*>(woken.owner) = true;
    };
    logs_[log]->wait_for_producers(waiter);
    const bool woken = host_.run_until([&] { return ready || host_.failure(); });
    if (!ready) logs_[log]->cancel_wait(waiter);
    if (!woken && !faults_) complain("producers are never read");
    return woken && ready && !host_.failure();
}

bool CrashRun::append_duplicate(std::size_t log, const ModelBatch& batch) {
    const auto bytes = as_sent(batch);
    auto& append = *appends_.emplace_back(std::make_unique<Append>());
    append.run = this;
    append.log = log;
    append.op.batches = bytes;
    append.op.durability = Durability::synced;
    append.listen();
    const auto answered = append_when_possible(log, append.op);
    if (!answered) {
        if (!faults_) {
            complain(fmt::format("the batch at {} sent again: {}",
                                 batch.base.value,
                                 name_of(answered.error().code)));
        }
        static_cast<void>(await_acks());
        return false;
    }
    append.end = batch.end;
    ++unacked_;
    if (!append.op.duplicate || append.op.base_offset != batch.base) {
        complain(fmt::format("{}: the batch at {} was stored twice, at {} too",
                             model_[log].directory,
                             batch.base.value,
                             append.op.base_offset.value));
    }
    return true;
}

bool CrashRun::send_again(std::size_t log, const Batches& sent) {
    if (sent.empty() || BatchView::trusted(sent.back()->bytes.data()).producer_id() < 0)
        return true;
    const auto end = model_[log].end();
    const auto known = model_[log].last_batches(engine::kProducerBatches);
    for (const auto& batch : sent) {
        if (batch->end > end) {  // Lost, and not promised: the producer has it still.
            if (!append(log, as_sent(*batch), Durability::synced)) return false;
        } else if (known.front()->base <= batch->base) {
            if (!append_duplicate(log, *batch)) return false;
        }
    }
    return await_acks();
}

}  // namespace millrace::testing
