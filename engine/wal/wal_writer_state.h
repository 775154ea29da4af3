// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// How the parts of a WalWriter work together: files, frontier, builder, pipeline.
#pragma once

#include "engine/wal/group_builder.h"
#include "engine/wal/group_pipeline.h"
#include "engine/wal/wal_files.h"
#include "engine/wal/wal_frontier.h"
#include "engine/wal/wal_writer.h"

#include <cstdint>
#include <string_view>

namespace millrace::engine {

struct WalWriter::State final : PipelineListener, FrontierListener {
    State(const WalOptions& options, const WalParts& parts, ReplayedWal&& found);

    // Admission.
    [[nodiscard]] Result<void> admit(EntryKind kind, std::uint32_t payload_bytes, bool control);
    [[nodiscard]] std::uint64_t live_bytes_max(bool control) const noexcept;
    [[nodiscard]] std::uint64_t room() const noexcept;
    [[nodiscard]] std::unexpected<Error> refuse(Errc code, std::uint32_t payload_bytes) noexcept;
    [[nodiscard]] bool memory_was_refused() const noexcept;
    void offer_room() noexcept;

    // Groups.
    void close_group() noexcept;
    // The open group shall be written now.
    [[nodiscard]] bool group_is_due() noexcept;
    // When it will be; max(): it is already, or there is none.
    [[nodiscard]] MonotonicTime group_deadline() const noexcept;
    void write_own_entry(EntryKind kind) noexcept;
    void cover_last_groups() noexcept;
    // When cover_last_groups() has something to do.
    [[nodiscard]] MonotonicTime cover_deadline() const noexcept;

    // Frontier.
    void extend_frontier() noexcept;
    void measure_load() noexcept;

    // Start, drain, failure.
    void continue_start() noexcept;
    void continue_drain() noexcept;
    static void finish(EngineOp*& op, Result<void> outcome) noexcept;
    void stop_all(Error error) noexcept;

    // PipelineListener.
    void group_done(Group& group) noexcept override;
    void pipeline_moved() noexcept override;
    void pipeline_failed(Error error, std::string_view what) noexcept override;

    // FrontierListener.
    void frontier_moved() noexcept override;
    void frontier_failed(Error error, std::string_view what) noexcept override;

    WalOptions options_;
    WalParts parts_;
    WalPosition end_;  // Of what was replayed.
    StartLink link_;
    WalFiles files_;
    GroupBuilder builder_;
    GroupPipeline pipeline_;
    WalFrontier frontier_;

    EngineOp* start_ = nullptr;
    EngineOp* drain_ = nullptr;
    bool start_group_written_ = false;
    bool running_ = false;  // start() is done.
    bool draining_ = false;
    bool failed_ = false;
    bool storage_full_ = false;

    bool room_wanted_ = false;           // An entry was refused: say when it may try again.
    std::uint32_t refused_payload_ = 0;  // The largest entry that was refused since.
    std::uint64_t refused_bytes_ = 0;    // Blocks that it needs.
    MonotonicTime memory_retry_at_;      // The arena was empty: try again then. max(): it was not.

    Sequence unawaited_group_ = 0;  // The open group, while nobody waits for it; 0: none.
    MonotonicTime unawaited_since_{};

    MonotonicTime cover_retry_at_{};  // There was no room for the entry: not before then.

    std::uint64_t bytes_elsewhere_ = 0;
    std::uint64_t appended_bytes_ = 0;
    std::uint64_t appended_at_window_ = 0;
    MonotonicTime window_began_{};
    bool loaded_ = false;
};

}  // namespace millrace::engine
