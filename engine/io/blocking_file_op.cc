// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/io/blocking_file_op.h"

#include "engine/io/descriptor.h"
#include "engine/units.h"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

namespace millrace::engine {

namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

// A path as the kernel wants it. Refused: too long, absolute, or with a NUL inside.
class PathText {
public:
    explicit PathText(std::string_view path) noexcept {
        if (path.size() >= text_.size()) {
            error_ = -ENAMETOOLONG;
        } else if (path.starts_with('/') || path.find('\0') != std::string_view::npos) {
            error_ = -EINVAL;
        } else if (path.empty()) {
            text_[0] = '.';
        } else {
            std::memcpy(text_.data(), path.data(), path.size());
        }
    }

    [[nodiscard]] std::int64_t error() const noexcept { return error_; }

    [[nodiscard]] const char* get() const noexcept { return text_.data(); }

private:
    std::array<char, PATH_MAX> text_{};
    std::int64_t error_ = 0;
};

std::int64_t outcome_of(std::int64_t returned) noexcept {
    return returned < 0 ? -errno : returned;
}

// Repeats a call that a signal interrupted.
template <class Call>
std::int64_t uninterrupted(const Call& call) noexcept {
    for (;;) {
        const auto returned = static_cast<std::int64_t>(call());
        if (returned >= 0 || errno != EINTR) return outcome_of(returned);
    }
}

// Overwriting in place is what makes a durable write cheap; a copy-on-write file system may be
// asked for it while the file is empty. It may refuse: the file works all the same.
void write_in_place(int descriptor) noexcept {
    int flags = 0;
    if (::ioctl(descriptor, FS_IOC_GETFLAGS, &flags) != 0) return;
    flags |= FS_NOCOW_FL;
    ::ioctl(descriptor, FS_IOC_SETFLAGS, &flags);
}

BlockingOutcome open_file(const FileOp& op, const DataDirectory& directory) noexcept {
    const PathText path(op.path);
    if (path.error() != 0) return {.result = path.error()};
    int flags = O_RDWR | O_CLOEXEC;
    if (op.create) flags |= O_CREAT;
    if (op.direct && directory.direct) flags |= O_DIRECT;
    const auto opened = uninterrupted(
            [&] { return ::openat(directory.descriptor, path.get(), flags, kFileMode); });
    if (opened < 0) return {.result = opened};
    Descriptor descriptor(static_cast<int>(opened));

    struct stat status {};

    if (::fstat(descriptor.get(), &status) != 0) return {.result = -errno};
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (directory.copy_on_write && op.create && op.lane == Lane::wal && size == 0) {
        write_in_place(descriptor.get());
    }
    return {.result = descriptor.release(), .file_size = size};
}

// Reads to the full length or the end of the file.
std::int64_t read_file(const FileOp& op, int descriptor) noexcept {
    std::uint64_t got = 0;
    while (got < op.length) {
        const auto bytes = uninterrupted([&] {
            return ::pread(descriptor,
                           op.buffer + got,
                           op.length - got,
                           static_cast<off_t>(op.position + got));
        });
        if (bytes < 0) return bytes;
        got += static_cast<std::uint64_t>(bytes);
        // Only the end of a file leaves a partial block, and a direct read cannot go on from one.
        if (bytes == 0 || got % kBlockBytes != 0) break;
    }
    return static_cast<std::int64_t>(got);
}

std::int64_t write_file(const FileOp& op, int descriptor) noexcept {
    const iovec vector{.iov_base = op.buffer, .iov_len = op.length};
    return uninterrupted([&] {
        return ::pwritev2(descriptor,
                          &vector,
                          1,
                          static_cast<off_t>(op.position),
                          op.sync == WriteSync::bytes ? RWF_DSYNC : 0);
    });
}

// For a file system without fallocate: the C library writes a byte into every block, which
// needs a descriptor without O_DIRECT.
std::int64_t allocate_by_writing(const FileOp& op, int descriptor) noexcept {
    std::array<char, 64> path{};
    std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", descriptor);
    const Descriptor buffered(::open(path.data(), O_RDWR | O_CLOEXEC));
    if (!buffered) return -errno;
    return -::posix_fallocate(
            buffered.get(), static_cast<off_t>(op.position), static_cast<off_t>(op.length));
}

std::int64_t allocate(const FileOp& op, int descriptor) noexcept {
    const auto result = uninterrupted([&] {
        return ::fallocate(
                descriptor, 0, static_cast<off_t>(op.position), static_cast<off_t>(op.length));
    });
    return result == -EOPNOTSUPP ? allocate_by_writing(op, descriptor) : result;
}

std::int64_t rename_or_link(const FileOp& op, int directory) noexcept {
    const PathText from(op.path);
    const PathText to(op.path_to);
    if (from.error() != 0) return from.error();
    if (to.error() != 0) return to.error();
    return uninterrupted([&] {
        return op.kind == FileOpKind::rename
                       ? ::renameat(directory, from.get(), directory, to.get())
                       : ::linkat(directory, from.get(), directory, to.get(), 0);
    });
}

std::int64_t list(FileOp& op, int directory, const char* path) noexcept {
    op.names.clear();
    const auto opened = uninterrupted(
            [&] { return ::openat(directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (opened < 0) return opened;
    DIR* const entries = ::fdopendir(static_cast<int>(opened));
    if (entries == nullptr) {
        const auto error = -errno;
        ::close(static_cast<int>(opened));
        return error;
    }
    errno = 0;
    while (const auto* entry = ::readdir(entries)) {
        const std::string_view name(entry->d_name);
        if (name != "." && name != "..") op.names.emplace_back(name);
        errno = 0;
    }
    const auto error = -errno;
    ::closedir(entries);
    return error;
}

std::int64_t sync_directory(int directory, const char* path) noexcept {
    const Descriptor opened(::openat(directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return opened ? outcome_of(::fsync(opened.get())) : -errno;
}

std::int64_t stat_path(FileOp& op, int directory, const char* path) noexcept {
    struct stat status {};

    if (::fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) != 0) return -errno;
    op.size = static_cast<std::uint64_t>(status.st_size);
    return 0;
}

std::int64_t free_space(FileOp& op, int directory) noexcept {
    struct statvfs status {};

    if (::fstatvfs(directory, &status) != 0) return -errno;
    op.size = static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
    return 0;
}

std::int64_t run_on_path(FileOp& op, int directory) noexcept {
    const PathText path(op.path);
    if (path.error() != 0) return path.error();
    switch (op.kind) {
        case FileOpKind::unlink:
            return uninterrupted([&] { return ::unlinkat(directory, path.get(), 0); });
        case FileOpKind::remove_directory:
            return uninterrupted([&] { return ::unlinkat(directory, path.get(), AT_REMOVEDIR); });
        case FileOpKind::make_directory:
            return uninterrupted([&] { return ::mkdirat(directory, path.get(), kDirectoryMode); });
        case FileOpKind::sync_directory:
            return sync_directory(directory, path.get());
        case FileOpKind::list:
            return list(op, directory, path.get());
        case FileOpKind::stat:
            return stat_path(op, directory, path.get());
        default:
            return -EINVAL;
    }
}

}  // namespace

BlockingOutcome run_blocking(FileOp& op, int descriptor, const DataDirectory& directory) noexcept {
    switch (op.kind) {
        case FileOpKind::open:
            return open_file(op, directory);
        // The descriptor is gone whatever close says: it is never repeated.
        case FileOpKind::close:
            return {.result = outcome_of(::close(descriptor))};
        case FileOpKind::read:
            return {.result = read_file(op, descriptor)};
        case FileOpKind::write:
            return {.result = write_file(op, descriptor)};
        // A failed sync is never repeated, because the next one would succeed without the bytes.
        case FileOpKind::sync_data:
            return {.result = outcome_of(::fdatasync(descriptor))};
        case FileOpKind::sync_filesystem:
            return {.result = outcome_of(::syncfs(directory.descriptor))};
        case FileOpKind::allocate:
            return {.result = allocate(op, descriptor)};
        case FileOpKind::truncate:
            return {.result = uninterrupted([&] {
                        return ::ftruncate(descriptor, static_cast<off_t>(op.length));
                    })};
        case FileOpKind::rename:
        case FileOpKind::link:
            return {.result = rename_or_link(op, directory.descriptor)};
        case FileOpKind::free_space:
            return {.result = free_space(op, directory.descriptor)};
        case FileOpKind::work:
            op.work(op);
            return {};
        default:
            return {.result = run_on_path(op, directory.descriptor)};
    }
}

}  // namespace millrace::engine
