// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Cuts the active segment's file behind what the log has stored there. A run that did not end with
// a clean stop may have stored batches that its write-ahead log then lost: nobody was told of them,
// and no reader of the files shall find them.
//
// Crash story: only bytes go that nothing names.
#pragma once

#include "engine/log/file_steps.h"
#include "engine/log/log_state.h"

namespace millrace::engine {

// Thread:      the shard's.
class ActiveCut : public FileSteps<ActiveCut> {
public:
    explicit ActiveCut(LogContext& context) : FileSteps(context) {}

    [[nodiscard]] static bool due(LogState& log) noexcept;

    // With `sync` the cut is on stable storage when `done` runs, from a completion. Errors: the
    // failure of the logs.
    // Requires: due(); everything is stored, and nothing more comes.
    void start(LogState& log, bool sync, Completion done) noexcept;

private:
    friend class FileSteps<ActiveCut>;

    void opened() noexcept;
    void cut() noexcept;
    void filled() noexcept;
    void synced() noexcept;
    void closed() noexcept;
    void finish(Result<void> outcome) noexcept;

    void stop(Error error) noexcept { finish(std::unexpected(error)); }

    Segment* segment_ = nullptr;
    FileHandle handle_ = FileHandle::none;
    bool sync_ = false;
    Completion done_;
};

}  // namespace millrace::engine
