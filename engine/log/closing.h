// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A clean stop: everything the logs hold goes to segment files, then what is new of indexes and
// leader epochs to theirs.
#pragma once

#include "engine/log/active_cut.h"
#include "engine/log/log_table.h"
#include "engine/log/producer_files.h"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::engine {

class Closing;

// Saves the files of one log after the other.
class ClosingWorker : public FileSteps<ClosingWorker> {
public:
    ClosingWorker(LogContext& context, Closing& closing, ProducerLoads& producer_loads)
            : FileSteps(context),
              closing_(closing),
              active_cut_(context),
              index_files_(context),
              epoch_file_(context),
              producer_files_(context, producer_loads, nullptr) {}

    void next() noexcept;

private:
    friend class FileSteps<ClosingWorker>;

    void active_cut(Result<void> outcome) noexcept;
    void index_saved(Result<void> outcome) noexcept;
    void epochs_saved(Result<void> outcome) noexcept;
    void producers_saved(Result<void> outcome) noexcept;
    void folder_synced() noexcept;
    void log_over(Result<void> outcome) noexcept;

    void stop(Error error) noexcept { log_over(std::unexpected(error)); }

    Closing& closing_;
    ActiveCut active_cut_;
    IndexFiles index_files_;
    EpochFile epoch_file_;
    ProducerFiles producer_files_;
    LogState* log_ = nullptr;
};

// Thread: the shard's.
class Closing : public FileSteps<Closing> {
public:
    Closing(LogContext& context, LogTable& logs, Flusher& flusher, ProducerLoads& producer_loads);

    void start(EngineOp& op) noexcept;

    // Goes on when everything is stored. Once per loop turn.
    void end_turn() noexcept;

    [[nodiscard]] bool running() const noexcept { return op_ != nullptr; }

private:
    friend class FileSteps<Closing>;
    friend class ClosingWorker;

    static constexpr std::size_t kWorkers = 4;

    void save_files();
    [[nodiscard]] LogState* next_log() noexcept;
    void worker_ended() noexcept;
    void filesystem_synced() noexcept;
    void finish(Result<void> outcome) noexcept;

    void stop(Error error) noexcept { finish(std::unexpected(error)); }

    LogTable& logs_;
    Flusher& flusher_;
    std::array<std::unique_ptr<ClosingWorker>, kWorkers> workers_;
    std::vector<LogState*> left_;
    std::size_t working_ = 0;
    bool saving_ = false;
    bool sync_each_ = false;         // Else one sync of the file system at the end.
    bool sync_each_always_ = false;  // That sync has failed.
    Result<void> outcome_;
    EngineOp* op_ = nullptr;
};

}  // namespace millrace::engine
