// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Descriptors of segment files: opened when a run or a cold read needs one, closed when nobody
// used it for a while or others need the room. An idle partition has none.
//
// Thread:      the shard's.
// Ownership:   an OpenFile belongs to OpenFiles; a segment's pointer to it is reset when it closes.
#pragma once

#include "engine/log/file_steps.h"
#include "engine/log/segment.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::engine {

class OpenFile;
class OpenFiles;

// Somebody who needs a file. Caller-owned, kept still until `ready` has run.
struct FileWaiter {
    // The file is pinned until release(), or could not be opened. Runs from a completion.
    void (*ready)(FileWaiter& waiter, Result<OpenFile*> file) noexcept = nullptr;
    void* owner = nullptr;
    FileWaiter* next = nullptr;
};

class OpenFile : public FileSteps<OpenFile> {
public:
    OpenFile(OpenFiles& files, LogContext& context, Segment& segment)
            : FileSteps(context), files_(files), segment_(&segment) {}

    [[nodiscard]] FileHandle handle() const noexcept { return handle_; }

private:
    friend class OpenFiles;
    friend class FileSteps<OpenFile>;

    void open(const FilePath& path, bool create) noexcept;
    void opened() noexcept;
    void closed() noexcept;
    void stop(Error error) noexcept;
    void leave_segment() noexcept;
    void wake_all(Result<OpenFile*> outcome) noexcept;

    OpenFiles& files_;
    Segment* segment_;  // Null once the segment has let go.
    FileHandle handle_ = FileHandle::none;
    std::uint32_t pins_ = 0;
    bool closing_ = false;
    MonotonicTime last_used_{};
    FileWaiter* waiters_ = nullptr;
    std::size_t index_ = 0;      // In OpenFiles::files_.
    OpenFile* older_ = nullptr;  // In the list of those that are open and not pinned.
    OpenFile* newer_ = nullptr;
};

class OpenFiles {
public:
    OpenFiles(LogContext& context, std::uint32_t files_max)
            : context_(context), files_max_(files_max) {}

    OpenFiles(const OpenFiles&) = delete;
    OpenFiles& operator=(const OpenFiles&) = delete;

    // The segment's file, pinned; or null, and waiter.ready runs later.
    [[nodiscard]] OpenFile* acquire(Segment& segment,
                                    const FilePath& path,
                                    bool create,
                                    FileWaiter& waiter);
    void release(OpenFile& file) noexcept;

    // The segment dies, or its file is not needed for a while: it closes once it is not pinned.
    void let_go(Segment& segment) noexcept;

    // Somebody has it pinned or waits for it.
    [[nodiscard]] static bool in_use(const Segment& segment) noexcept;

    // Closes what nobody used for a while.
    void close_unused(MonotonicTime now) noexcept;
    [[nodiscard]] MonotonicTime next_deadline() const noexcept;

private:
    friend class OpenFile;

    void close(OpenFile& file) noexcept;
    void make_room() noexcept;
    void link(OpenFile& file) noexcept;
    void unlink(OpenFile& file) noexcept;
    void destroy(OpenFile& file) noexcept;

    LogContext& context_;
    std::uint32_t files_max_;
    std::uint32_t count_ = 0;  // Without those that are being closed.
    std::vector<std::unique_ptr<OpenFile>> files_;
    OpenFile* oldest_ = nullptr;
    OpenFile* newest_ = nullptr;
};

}  // namespace millrace::engine
