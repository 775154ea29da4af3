// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A job that is a chain of file operations, one after the other: its steps are member functions,
// named after the job and read downwards.
#pragma once

#include "engine/assert.h"
#include "engine/format/file_names.h"
#include "engine/log/log_context.h"

#include <cerrno>
#include <cstdint>
#include <string_view>

namespace millrace::engine {

// Where a job says that it is over. Runs from a completion.
struct Completion {
    void (*run)(void* owner, Result<void> outcome) noexcept = nullptr;
    void* owner = nullptr;

    void operator()(Result<void> outcome) const noexcept { run(owner, outcome); }
};

template <auto kMethod, class Owner>
[[nodiscard]] Completion completion_of(Owner& owner) noexcept {
    return {[](void* self, Result<void> outcome) noexcept {
                (static_cast<Owner*>(self)->*kMethod)(outcome);
            },
            &owner};
}

// Base of a job. Job has `void stop(Error) noexcept`, which ends it and is called instead of the
// next step once the logs have failed.
template <class Job>
class FileSteps {
public:
    FileSteps(const FileSteps&) = delete;
    FileSteps& operator=(const FileSteps&) = delete;

protected:
    using Step = void (Job::*)() noexcept;

    explicit FileSteps(LogContext& context) : context_(context) {}

    ~FileSteps() { ASSERT(!busy_); }

    void open_file(const FilePath& path, bool create, Step next) noexcept {
        path_ = path;
        op_.kind = FileOpKind::open;
        op_.path = path_.view();
        op_.create = create;
        op_.direct = true;
        submit(next);
    }

    void file_call(FileOpKind kind, FileHandle file, Step next) noexcept {
        op_.kind = kind;
        op_.file = file;
        submit(next);
    }

    // allocate, truncate (length only).
    void size_call(FileOpKind kind,
                   FileHandle file,
                   std::uint64_t position,
                   std::uint64_t length,
                   Step next) noexcept {
        op_.position = position;
        op_.length = length;
        file_call(kind, file, next);
    }

    void transfer(FileOpKind kind,
                  FileHandle file,
                  std::byte* buffer,
                  std::uint64_t position,
                  std::uint64_t length,
                  Step next) noexcept {
        op_.buffer = buffer;
        size_call(kind, file, position, length, next);
    }

    void path_call(FileOpKind kind, const FilePath& path, Step next) noexcept {
        path_ = path;
        op_.kind = kind;
        op_.path = path_.view();
        submit(next);
    }

    void rename(const FilePath& from, const FilePath& to, Step next) noexcept {
        path_to_ = to;
        op_.path_to = path_to_.view();
        path_call(FileOpKind::rename, from, next);
    }

    // The last operation's result: bytes, a handle, 0, or negative errno.
    [[nodiscard]] std::int64_t result() const noexcept { return op_.result; }

    // True when the last operation failed for good: the logs have failed and the job is stopped.
    [[nodiscard]] bool ended_by_failure(std::string_view what) noexcept {
        if (op_.result >= 0) return false;
        const Error error{Errc::io_failed, static_cast<int>(-op_.result)};
        context_.fail(error, what);
        static_cast<Job*>(this)->stop(error);
        return true;
    }

    // The same for a read or write that must be whole.
    [[nodiscard]] bool ended_by_short_transfer(std::string_view what) noexcept {
        if (op_.result == static_cast<std::int64_t>(op_.length)) return false;
        if (op_.result >= 0) op_.result = -EIO;
        return ended_by_failure(what);
    }

    LogContext& context_;
    FileOp op_;

private:
    void submit(Step next) noexcept {
        ASSERT(!busy_);
        busy_ = true;
        next_ = next;
        op_.lane = Lane::background;
        op_.owner = static_cast<Job*>(this);
        op_.done = [](FileOp& op) noexcept { static_cast<Job*>(op.owner)->completed(); };
        ++context_.operations;
        context_.storage.submit(op_);
    }

    void completed() noexcept {
        busy_ = false;
        --context_.operations;
        auto& job = *static_cast<Job*>(this);
        if (context_.failed) {
            job.stop(*context_.failed);
        } else {
            (job.*next_)();
        }
    }

    FilePath path_;
    FilePath path_to_;
    Step next_ = nullptr;
    bool busy_ = false;
};

}  // namespace millrace::engine
