// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Removes files of segments that no checkpoint names from a partition's folder: an earlier run
// stored them and ended before its next checkpoint. What they hold is in the WAL or was lost; they
// may overlap what is stored from now on, and a reader that goes by names would believe them.
//
// Crash story: a removal that did not last is done again by the next run that stores something.
#pragma once

#include "engine/log/file_steps.h"
#include "engine/log/log_state.h"

#include <string>
#include <vector>

namespace millrace::engine {

// Thread:      the shard's.
// Errors:      final ones: the logs have failed.
class LeftFiles : public FileSteps<LeftFiles> {
public:
    explicit LeftFiles(LogContext& context) : FileSteps(context) {}

    // Requires: no file of the log is made until `done`.
    void remove(LogState& log, Completion done) noexcept;

private:
    friend class FileSteps<LeftFiles>;

    void listed() noexcept;
    void next() noexcept;
    void unlinked() noexcept;
    void finish(Result<void> outcome) noexcept;

    void stop(Error error) noexcept { finish(std::unexpected(error)); }

    [[nodiscard]] bool is_left(std::string_view name) const noexcept;

    LogState* log_ = nullptr;
    std::vector<std::string> names_;
    Completion done_;
};

}  // namespace millrace::engine
