// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The records of appends to logs that are compacted: every one needs a key. Those of uncompressed
// batches are looked at where they are; compressed batches are opened on threads of the pool, with
// bounded output.
#pragma once

#include "engine/log.h"
#include "engine/log/log_context.h"
#include "engine/log/log_state.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::engine {

// Errors: missing_key, and `refused_record` says which; records_unchecked: there is a compressed
// batch. What is wrong with a batch besides is not said here. Requires: check_sizes() has found
// nothing.
[[nodiscard]] Result<void> check_keys(Bytes batches, std::int32_t& refused_record) noexcept;

// The same of batches of any codec. Errors besides: as BatchReader's, and corrupt_batch.
[[nodiscard]] Result<void> check_opened_keys(Bytes batches, std::int32_t& refused_record);

// Thread: the shard's.
class RecordsChecks {
public:
    explicit RecordsChecks(LogContext& context) : context_(context) {}

    RecordsChecks(const RecordsChecks&) = delete;
    RecordsChecks& operator=(const RecordsChecks&) = delete;

    void start(LogState& log, RecordsCheck& check);

    // `done` does not run. Nothing happens when the check is not under way.
    void cancel(RecordsCheck& check) noexcept;

private:
    struct Job {
        FileOp op;
        RecordsChecks* owner = nullptr;
        LogState* log = nullptr;
        RecordsCheck* check = nullptr;   // Null: nobody waits for it any more.
        std::vector<std::byte> batches;  // A copy: the asker's may go meanwhile.
        Result<void> outcome;
        std::int32_t refused_record = -1;
        bool busy = false;
    };

    void done(Job& job) noexcept;

    LogContext& context_;
    std::vector<std::unique_ptr<Job>> jobs_;
};

}  // namespace millrace::engine
