// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/io/local_storage_root.h"

#include "engine/io/directory_lock.h"
#include "engine/io/ring_storage.h"
#include "engine/io/thread_storage.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::engine {

namespace {

constexpr unsigned kPoolThreads = 4;

// Makes the directory and the missing ones above it, each durable in its parent. 0 or errno.
int make_directories(const std::filesystem::path& path) {
    if (::mkdir(path.c_str(), 0700) != 0) {
        if (errno == EEXIST) return 0;
        if (errno != ENOENT || !path.has_relative_path()) return errno;
        if (const int error = make_directories(path.parent_path()); error != 0) return error;
        if (::mkdir(path.c_str(), 0700) != 0) return errno == EEXIST ? 0 : errno;
    }
    const Descriptor parent(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent || ::fsync(parent.get()) != 0) return errno;
    return 0;
}

// Why the kernel makes no ring, for the person who would like one.
std::string why_no_ring(int error) {
    const std::string text = std::strerror(error);
    if (error == ENOSYS) return "io_uring: " + text + " (old kernel, or a seccomp profile)";
    if (error == EPERM) {
        std::ifstream file("/proc/sys/kernel/io_uring_disabled");
        int disabled = 0;
        if (file >> disabled && disabled != 0) {
            return fmt::format("io_uring: {} (kernel.io_uring_disabled = {})", text, disabled);
        }
        return "io_uring: " + text + " (a seccomp profile, as in containers)";
    }
    if (error == ENOMEM) return "io_uring: " + text + " (limit of locked memory, ulimit -l)";
    return "io_uring: " + text;
}

// Makes a ring like that of a shard, for a moment. 0 or errno.
int try_ring(int lock) {
    auto completions = CompletionQueue::make();
    if (!completions) return completions.error().os_errno;
    const auto ring = Ring::make((*completions)->descriptor(), lock);
    return ring ? 0 : ring.error().os_errno;
}

}  // namespace

Result<std::unique_ptr<StorageRoot>> StorageRoot::open(const std::filesystem::path& directory,
                                                       const StorageRootOptions& options,
                                                       EventLog& events) {
    return LocalStorageRoot::open(directory, options, events);
}

Result<std::unique_ptr<StorageRoot>> LocalStorageRoot::open(const std::filesystem::path& directory,
                                                            const StorageRootOptions& options,
                                                            EventLog& events,
                                                            bool direct_allowed) {
    auto path = std::filesystem::absolute(directory).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();
    auto root = std::make_unique<LocalStorageRoot>(std::move(path), options.io, events);
    TRY_VOID(root->open_directory());
    TRY(root->lock_, lock_directory(root->directory_.get(), options.lock_wait, events));
    root->file_system_ = probe_file_system(root->directory_.get(), kLockFile);
    if (!direct_allowed) {
        root->file_system_.direct = false;
        root->file_system_.direct_why = "not allowed";
    }
    root->cache_ = probe_write_cache(root->directory_.get(), root->file_system_.source);
    TRY_VOID(root->choose_backend());
    TRY(root->pool_, WorkerThreads::start("mr-pool", kPoolThreads));
    root->report();
    return root;
}

std::unexpected<Error> LocalStorageRoot::failed(std::string_view call, int error) const {
    events_.event(Level::error,
                  "storage.open_failed",
                  "The data directory cannot be used.",
                  {{"path", path_.string()},
                   {"call", std::string(call)},
                   {"error", std::strerror(error)}});
    return failure(Errc::io_failed, error);
}

Result<void> LocalStorageRoot::open_directory() {
    if (const int error = make_directories(path_); error != 0) return failed("mkdir", error);
    directory_ = Descriptor(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory_) return failed("open", errno);
    return {};
}

Result<void> LocalStorageRoot::choose_backend() {
    if (choice_ == IoChoice::threads) {
        backend_why_ = "chosen by configuration";
        return {};
    }
    const int error = try_ring(lock_.get());
    uring_ = error == 0;
    backend_why_ = uring_ ? "io_uring is available" : why_no_ring(error);
    if (uring_ || choice_ == IoChoice::automatic) return {};
    events_.event(Level::error,
                  "storage.uring_unavailable",
                  "The configuration asks for io_uring, and the kernel refuses it.",
                  {{"why", backend_why_}});
    return failure(Errc::io_failed, error);
}

bool LocalStorageRoot::prefers_synced_writes() const noexcept {
    return !file_system_.direct || cache_.synced_write_needs_no_flush();
}

void LocalStorageRoot::report() const {
    events_.event(Level::info,
                  "storage.opened",
                  "The data directory is locked and its storage chosen.",
                  {{"directory", path_.string()},
                   {"backend", std::string(io_name())},
                   {"backend_why", backend_why_},
                   {"file_system", file_system_.type},
                   {"access", file_system_.direct ? "direct" : "buffered"},
                   {"access_why", file_system_.direct_why},
                   {"alignment", fmt::format("{}", file_system_.alignment)},
                   {"write_cache", std::string(name_of(cache_.cache))},
                   {"fua", cache_.force_unit_access ? "yes" : "no"},
                   {"commit", prefers_synced_writes() ? "synced writes" : "write, then flush"}});
    if (!file_system_.remote) return;
    events_.event(Level::warning,
                  "storage.remote_file_system",
                  "The data directory lies on a file system of another machine: its locks and "
                  "flushes may promise less than a local disk's.",
                  {{"directory", path_.string()}, {"file_system", file_system_.type}});
}

std::string_view LocalStorageRoot::io_name() const noexcept {
    return uring_ ? "uring" : "threads";
}

Result<StorageParts> LocalStorageRoot::make_parts() const {
    StorageParts parts;
    parts.directory = {.descriptor = directory_.get(),
                       .direct = file_system_.direct,
                       .copy_on_write = file_system_.copy_on_write};
    parts.prefers_synced_writes = prefers_synced_writes();
    parts.pool = pool_.get();
    TRY(parts.completions, CompletionQueue::make());
    TRY(parts.flush, FlushThread::start());
    return parts;
}

Result<std::unique_ptr<Storage>> LocalStorageRoot::make_storage() {
    TRY(auto parts, make_parts());
    if (!uring_) return ThreadStorage::make(std::move(parts));
    auto storage = RingStorage::make(std::move(parts), lock_.get());
    if (storage || choice_ == IoChoice::uring) return storage;
    events_.event(Level::warning,
                  "storage.fallback",
                  "No ring could be made for a shard: it uses threads.",
                  {{"why", why_no_ring(storage.error().os_errno)}});
    TRY(auto other_parts, make_parts());
    return ThreadStorage::make(std::move(other_parts));
}

}  // namespace millrace::engine
