// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The seam between the engine and the disk: file operations as caller-owned completions. Three
// backends fulfil it: the ring, threads (where io_uring is forbidden), and the simulated disk of
// the tests.
//
// Lifecycle:   one Storage per shard; all of one process share a data directory (StorageRoot).
// Thread:      the shard's own, for submit and completions alike.
// Completion:  `done` runs exactly once, from run_completions(), never inside submit().
// Order:       operations may complete in any order; writes in flight at a crash may each have
//              happened wholly, partly (by 512-byte sector) or not at all, unless flushed.
// Errors:      `result` is negative errno. A short write is reported as such (result < length) and
//              is an error to the caller; nothing is retried here but EINTR and EAGAIN.
#pragma once

#include "engine/types.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::engine {

// Index into the backend's table of open files; -1 is none.
enum class FileHandle : std::int32_t { none = -1 };

// Which queue an operation belongs to, so that background work never stands before an ack.
enum class Lane : std::uint8_t {
    wal,         // Group writes and their flush.
    background,  // Segment runs, cold reads, metadata of files.
};

enum class FileOpKind : std::uint8_t {
    open,              // path, flags -> result: FileHandle
    close,             // file
    read,              // file, position, buffer, length -> result: bytes, short only at end of file
    write,             // file, position, buffer, length, sync -> result: bytes
    sync_data,         // file: fdatasync. Covers every write completed before it was submitted.
    sync_filesystem,   // The whole file system of the data directory.
    allocate,          // file, position, length: blocks and size, contents zero
    truncate,          // file, length
    rename,            // path -> path_to, replacing what is there
    link,              // path -> path_to; -EEXIST if it is there
    unlink,            // path; -ENOENT if it is not there
    remove_directory,  // path; must be empty
    make_directory,    // path; -EEXIST if it is there
    sync_directory,    // path
    list,              // path -> names (without . and ..), in no order
    stat,              // path -> size; -ENOENT if it is not there
    free_space,        // -> size: bytes an ordinary user can still allocate in the data directory
    work,  // work: touches no file; on a thread of the pool, so that no loop computes it
};

// What a write has made durable when it completes.
enum class WriteSync : std::uint8_t {
    none,
    bytes,  // Its own bytes (RWF_DSYNC).
    file,   // And every write of its file that had completed before it was submitted (fdatasync).
};

struct FileOp {
    FileOpKind kind = FileOpKind::read;
    Lane lane = Lane::background;
    bool create = false;  // open: make it when it is not there; in Lane::wal to be overwritten
                          // in place also on a copy-on-write file system
    bool direct = false;  // open: O_DIRECT where the file system has it
    WriteSync sync = WriteSync::none;  // write
    FileHandle file = FileHandle::none;
    std::byte* buffer = nullptr;  // Borrowed until done; aligned to kBlockBytes for direct files.
    std::uint64_t length = 0;
    std::uint64_t position = 0;
    std::string_view path{};  // Relative to the data directory; borrowed until done.
    std::string_view path_to{};

    std::int64_t result = 0;  // Bytes, a FileHandle, 0, or negative errno.
    std::uint64_t size = 0;
    std::vector<std::string> names{};
    void (*work)(FileOp& op) noexcept = nullptr;  // work: what it uses is its own until done.

    void (*done)(FileOp& op) noexcept = nullptr;
    void* owner = nullptr;      // The caller's.
    FileOp* next = nullptr;     // The backend's while in flight; null while idle.
    std::uint64_t backend = 0;  // The backend's while in flight.
};

// What a ring was asked for and answered.
struct RingCounters {
    std::uint64_t submitted = 0;
    std::uint64_t completed = 0;
    std::uint64_t failed = 0;      // Of the completed ones; a thread may have done them after that.
    std::uint64_t queue_full = 0;  // Times when operations had to wait for room in it.
};

class Storage {
public:
    virtual ~Storage() = default;
    Storage(const Storage&) = delete;
    Storage& operator=(const Storage&) = delete;

    // Takes the operation; its fields stay untouched by the caller until `done`.
    // Requires: op.done is set, op is idle.
    virtual void submit(FileOp& op) noexcept = 0;

    // Hands what was submitted to the kernel. Once per loop turn.
    virtual void flush_submissions() noexcept = 0;

    // Runs `done` of every operation that has completed. Completions may submit more.
    // Returns how many ran.
    virtual std::size_t run_completions() noexcept = 0;

    // Readable when run_completions() has something to do; -1 for the simulated disk.
    [[nodiscard]] virtual int wake_descriptor() const noexcept = 0;

    [[nodiscard]] virtual std::size_t in_flight() const noexcept = 0;

    // All 0 where there is no ring.
    [[nodiscard]] virtual RingCounters ring_counters() const noexcept { return {}; }

    // "uring", "threads" or "simulated".
    [[nodiscard]] virtual std::string_view name() const noexcept = 0;

    // True where a flushed write needs no flush of the device (FUA or write-through), so that
    // WriteSync::bytes by the ring is the better commit; false: WriteSync::file.
    [[nodiscard]] virtual bool prefers_synced_writes() const noexcept = 0;

protected:
    Storage() = default;
};

// Blocks until `op` is done: for start-up, tools and tests, never on a shard's loop.
void run_to_completion(Storage& storage, FileOp& op);

}  // namespace millrace::engine
