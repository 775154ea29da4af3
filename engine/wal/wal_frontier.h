// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Makes WAL files ready ahead of the writer: made at their full size, their blocks allocated step
// by step, written with zeros and flushed, so that a group only ever overwrites.
//
// Lifecycle:   extend_to() as often as wanted; stop(); destroyed when idle.
// Thread:      its shard's loop. One operation in flight at most.
// Failure:     no space is a refusal and tried again every second; everything else is final.
#pragma once

#include "engine/arena.h"
#include "engine/clock.h"
#include "engine/event_log.h"
#include "engine/result.h"
#include "engine/storage.h"
#include "engine/wal/wal_files.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::engine {

class FrontierListener {
public:
    virtual ~FrontierListener() = default;
    // More blocks are ready, or there is nothing left to do.
    virtual void frontier_moved() noexcept = 0;
    virtual void frontier_failed(Error error, std::string_view what) noexcept = 0;

protected:
    FrontierListener() = default;
    FrontierListener(const FrontierListener&) = default;
    FrontierListener& operator=(const FrontierListener&) = default;
};

class WalFrontier {
public:
    struct Parts {
        Clock& clock;
        EventLog& events;
        Arena& arena;
        Storage& storage;
        FrontierListener& listener;
    };

    WalFrontier(std::uint32_t directory, WalFiles& files, const Parts& parts);
    WalFrontier(const WalFrontier&) = delete;
    WalFrontier& operator=(const WalFrontier&) = delete;

    // Goes on until `bytes_ahead` of the writer's position are ready, through the current and the
    // next file. Cheap when they are.
    void extend_to(std::uint64_t bytes_ahead) noexcept;

    // Everything that extend_to() asked for is ready.
    [[nodiscard]] bool settled() const noexcept { return settled_; }

    // No space at the last try: tried again in a second, or after retry_now().
    [[nodiscard]] bool refused() const noexcept { return refused_; }

    void retry_now() noexcept { retry_at_ = MonotonicTime::zero(); }

    // No further operation begins.
    void stop() noexcept { stopped_ = true; }

    [[nodiscard]] bool idle() const noexcept { return step_ == Step::none; }

    // When extend_to() must be called even if nothing happens; max(): never.
    [[nodiscard]] MonotonicTime next_deadline() const noexcept;

private:
    enum class Step : std::uint8_t {
        none,
        make_root,
        make_directory,
        sync_root,
        sync_parent,
        open,
        resize,
        sync_directory,
        allocate,
        write_zeros,
        sync_zeros,
    };

    void advance() noexcept;
    bool prepare_directory() noexcept;
    bool prepare(WalFile& file, std::uint64_t goal) noexcept;
    bool write_zeros(WalFile& file, std::uint64_t step_end) noexcept;
    [[nodiscard]] std::uint64_t step_end(const WalFile& file, std::uint64_t goal) const noexcept;
    void submit(Step step, FileOpKind kind, WalFile* file) noexcept;
    static void completed(FileOp& op) noexcept;
    void finish(Step step) noexcept;
    void refuse(int error) noexcept;
    void rest() noexcept;

    WalFiles& files_;
    Parts parts_;
    std::string directory_path_;
    Step step_ = Step::none;
    Step directory_next_ = Step::make_root;  // none: the directory and its parents are durable.
    WalFile* file_ = nullptr;                // The one that the operation in flight is about.
    FileOp op_;
    BufferRef zeros_;
    std::uint64_t bytes_ahead_ = 0;
    MonotonicTime retry_at_ = MonotonicTime::zero();
    bool waits_ = false;  // For retry_at_.
    bool refused_ = false;
    bool settled_ = false;
    bool stopped_ = false;
};

}  // namespace millrace::engine
