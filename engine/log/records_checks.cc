// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/records_checks.h"

#include "engine/format/batch_reader.h"
#include "engine/log/compaction/batch_cleaner.h"

#include <algorithm>
#include <utility>

namespace millrace::engine {

namespace {

Result<void> check_opened(const BatchView& batch, BatchReader& records, std::int32_t& at) {
    if (!batch.crc_is_right()) return failure(Errc::corrupt_batch);
    TRY_VOID(records.open(batch, opened_bytes_max(batch.size())));
    for (std::int32_t expected = 0;; ++expected, ++at) {
        TRY(const auto item, records.next());
        if (!item) return {};
        if (item->record.offset_delta != expected) return failure(Errc::corrupt_batch);
        if (!item->record.key) return failure(Errc::missing_key);
    }
}

}  // namespace

Result<void> check_keys(Bytes batches, std::int32_t& refused_record) noexcept {
    std::int32_t at = 0;
    bool compressed = false;
    while (!batches.empty()) {
        const auto batch = BatchView::trusted(batches.data());
        batches = batches.subspan(batch.size());
        if (batch.codec() != Codec::none) {
            compressed = true;
            at += batch.last_offset_delta() + 1;
            continue;
        }
        auto records = batch.records();
        for (auto left = batch.record_count(); left > 0 && !records.empty(); --left, ++at) {
            const auto record = take_record(records);
            if (!record) break;
            if (record->key) continue;
            refused_record = at;
            return failure(Errc::missing_key);
        }
    }
    return compressed ? failure(Errc::records_unchecked) : Result<void>{};
}

Result<void> check_opened_keys(Bytes batches, std::int32_t& refused_record) {
    BatchReader records;
    std::int32_t at = 0;
    while (!batches.empty()) {
        TRY(const auto batch, BatchView::parse(batches));
        batches = batches.subspan(batch.size());
        const auto checked = check_opened(batch, records, at);
        if (checked) continue;
        if (checked.error().code == Errc::missing_key) refused_record = at;
        return checked;
    }
    return {};
}

void RecordsChecks::start(LogState& log, RecordsCheck& check) {
    const auto idle = std::ranges::find_if(jobs_, [](const auto& job) { return !job->busy; });
    auto& job = idle == jobs_.end() ? *jobs_.emplace_back(std::make_unique<Job>()) : **idle;
    job.owner = this;
    job.log = &log;
    ++log.jobs;
    job.check = &check;
    job.busy = true;
    job.batches.assign(check.batches.begin(), check.batches.end());
    job.refused_record = -1;
    job.op.kind = FileOpKind::work;
    job.op.owner = &job;
    job.op.work = [](FileOp& op) noexcept {
        auto& working = *static_cast<Job*>(op.owner);
        working.outcome = check_opened_keys(working.batches, working.refused_record);
    };
    job.op.done = [](FileOp& op) noexcept {
        auto& over = *static_cast<Job*>(op.owner);
        over.owner->done(over);
    };
    ++context_.operations;
    context_.storage.submit(job.op);
}

void RecordsChecks::cancel(RecordsCheck& check) noexcept {
    for (const auto& job : jobs_) {
        if (job->busy && job->check == &check) job->check = nullptr;
    }
}

void RecordsChecks::done(Job& job) noexcept {
    --context_.operations;
    job.busy = false;
    --job.log->jobs;
    job.batches = {};
    auto* check = std::exchange(job.check, nullptr);
    if (check == nullptr) return;
    check->outcome = job.outcome;
    check->refused_record = job.refused_record;
    if (context_.failed) check->outcome = std::unexpected(*context_.failed);
    check->done(*check);
}

}  // namespace millrace::engine
