// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/blocking_files.h"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

namespace millrace::engine {

std::unexpected<Error> BlockingFiles::failed(const FileOp& op,
                                             std::string_view what,
                                             std::string_view path) {
    const int number = op.result < 0 ? static_cast<int>(-op.result) : EIO;
    events_.event(Level::error,
                  "recovery.io_failed",
                  "A file operation failed while the data directory was being read.",
                  {{"operation", std::string(what)},
                   {"path", std::string(path)},
                   {"errno", fmt::format("{}", number)}});
    return failure(Errc::io_failed, number);
}

Result<std::optional<std::uint64_t>> BlockingFiles::size_of(std::string_view path) {
    FileOp op;
    op.kind = FileOpKind::stat;
    op.path = path;
    run_to_completion(storage_, op);
    if (op.result == -ENOENT) return std::optional<std::uint64_t>();
    if (op.result < 0) return failed(op, "stat", path);
    return std::optional(op.size);
}

Result<std::vector<std::string>> BlockingFiles::list(std::string_view path) {
    FileOp op;
    op.kind = FileOpKind::list;
    op.path = path;
    run_to_completion(storage_, op);
    if (op.result == -ENOENT) return std::vector<std::string>();
    if (op.result < 0) return failed(op, "list", path);
    return std::move(op.names);
}

Result<FileHandle> BlockingFiles::open(std::string_view path, bool create) {
    FileOp op;
    op.kind = FileOpKind::open;
    op.create = create;
    op.direct = true;
    op.path = path;
    run_to_completion(storage_, op);
    if (op.result < 0) return failed(op, "open", path);
    return static_cast<FileHandle>(op.result);
}

void BlockingFiles::make_directory(std::string_view path) noexcept {
    FileOp op;
    op.kind = FileOpKind::make_directory;
    op.path = path;
    run_to_completion(storage_, op);
}

void BlockingFiles::close(FileHandle file) {
    FileOp op;
    op.kind = FileOpKind::close;
    op.file = file;
    run_to_completion(storage_, op);
}

Result<void> BlockingFiles::read(FileHandle file,
                                 std::uint64_t position,
                                 std::byte* buffer,
                                 std::uint64_t length) {
    FileOp op;
    op.kind = FileOpKind::read;
    op.file = file;
    op.buffer = buffer;
    op.length = length;
    op.position = position;
    run_to_completion(storage_, op);
    if (op.result < 0) return failure(Errc::io_failed, static_cast<int>(-op.result));
    if (std::cmp_not_equal(op.result, length)) return failure(Errc::io_failed, EIO);
    return {};
}

Result<void> BlockingFiles::write(FileHandle file,
                                  std::string_view path,
                                  std::uint64_t position,
                                  std::byte* buffer,
                                  std::uint64_t length) {
    FileOp op;
    op.kind = FileOpKind::write;
    op.file = file;
    op.buffer = buffer;
    op.length = length;
    op.position = position;
    run_to_completion(storage_, op);
    if (std::cmp_not_equal(op.result, length)) return failed(op, "write", path);
    return {};
}

Result<void> BlockingFiles::allocate(FileHandle file, std::string_view path, std::uint64_t bytes) {
    FileOp op;
    op.kind = FileOpKind::allocate;
    op.file = file;
    op.length = bytes;
    run_to_completion(storage_, op);
    if (op.result < 0) return failed(op, "allocate", path);
    return {};
}

Result<void> BlockingFiles::sync(FileHandle file, std::string_view path) {
    FileOp op;
    op.kind = FileOpKind::sync_data;
    op.file = file;
    run_to_completion(storage_, op);
    if (op.result < 0) return failed(op, "fdatasync", path);
    return {};
}

Result<void> BlockingFiles::sync_directory(std::string_view path) {
    FileOp op;
    op.kind = FileOpKind::sync_directory;
    op.path = path;
    run_to_completion(storage_, op);
    if (op.result < 0) return failed(op, "sync directory", path);
    return {};
}

}  // namespace millrace::engine
