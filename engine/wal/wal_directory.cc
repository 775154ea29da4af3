// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/wal/wal_directory.h"

#include "engine/units.h"
#include "engine/wal/wal_files.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace millrace::engine {

namespace {

constexpr std::uint64_t kWindowBytes = 1 * kMiB;
constexpr std::string_view kSuffix = ".wal";

// "12.wal" is slot 12; anything else is none of ours.
std::optional<std::uint32_t> slot_of(std::string_view name) {
    if (!name.ends_with(kSuffix)) return std::nullopt;
    name.remove_suffix(kSuffix.size());
    std::uint32_t slot = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), slot);
    if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
    if (name != std::to_string(slot)) return std::nullopt;
    return slot;
}

}  // namespace

WalDirectory::WalDirectory(Storage& storage,
                           Arena& arena,
                           EventLog& events,
                           std::uint32_t directory)
        : storage_(storage), arena_(arena), events_(events), path_(wal_directory_path(directory)) {}

WalDirectory::~WalDirectory() {
    for (const auto& file : files_) {
        if (file.handle == FileHandle::none) continue;
        FileOp op;
        op.kind = FileOpKind::close;
        op.file = file.handle;
        run_to_completion(storage_, op);
    }
}

Error WalDirectory::failed(std::string_view what, std::string_view path, std::int64_t result) {
    const int error = static_cast<int>(-result);
    events_.event(Level::error,
                  "wal.unreadable",
                  what,
                  {{"path", std::string(path)}, {"errno", std::to_string(error)}});
    return {Errc::io_failed, error};
}

Result<void> WalDirectory::list() {
    FileOp op;
    op.kind = FileOpKind::list;
    op.path = path_;
    run_to_completion(storage_, op);
    if (op.result == -ENOENT) return {};
    if (op.result < 0) {
        return std::unexpected(failed("cannot list a WAL directory", path_, op.result));
    }
    for (const auto& name : op.names) {
        const auto slot = slot_of(name);
        if (!slot) continue;
        FoundWalFile file;
        file.slot = *slot;
        file.path = path_ + "/" + name;
        files_.push_back(std::move(file));
    }
    std::ranges::sort(files_, {}, &FoundWalFile::slot);
    return {};
}

Result<void> WalDirectory::open_file(FoundWalFile& file) {
    FileOp op;
    op.kind = FileOpKind::stat;
    op.path = file.path;
    run_to_completion(storage_, op);
    if (op.result < 0) {
        return std::unexpected(failed("cannot look at a WAL file", file.path, op.result));
    }
    file.bytes = op.size;
    FileOp opening;
    opening.kind = FileOpKind::open;
    opening.path = file.path;
    opening.direct = true;
    run_to_completion(storage_, opening);
    if (opening.result < 0) {
        return std::unexpected(failed("cannot open a WAL file", file.path, opening.result));
    }
    file.handle = static_cast<FileHandle>(opening.result);
    return {};
}

Result<void> WalDirectory::open() {
    TRY_VOID(list());
    const BufferRef block = arena_.allocate(kBlockBytes);
    if (!block) return std::unexpected(failed("no memory to read the WAL", path_, -ENOMEM));
    for (auto& file : files_) {
        TRY_VOID(open_file(file));
        if (file.bytes < kBlockBytes) continue;
        TRY_VOID(read_blocks(file, 0, block->data, kBlockBytes));
        if (const auto header = read_group_header({block->data, kBlockBytes})) {
            file.first = *header;
        }
    }
    return {};
}

const FoundWalFile* WalDirectory::find(std::uint32_t slot) const noexcept {
    const auto at = std::ranges::find(files_, slot, &FoundWalFile::slot);
    return at == files_.end() ? nullptr : &*at;
}

Result<WalDirectory::Window> WalDirectory::at(const FoundWalFile& file,
                                              std::uint64_t position,
                                              std::uint64_t bytes_min) {
    const std::uint64_t file_end = round_down(file.bytes, kBlockBytes);
    if (position >= file_end) return Window();
    bytes_min = std::min(round_up(bytes_min, kBlockBytes), file_end - position);
    const bool inside = window_file_ == &file && position >= window_position_ &&
                        position + bytes_min <= window_position_ + window_bytes_;
    if (!inside) {
        const std::uint64_t bytes =
                std::min(std::max(kWindowBytes, bytes_min), file_end - position);
        TRY_VOID(load(file, position, bytes));
    }
    const std::uint64_t skip = position - window_position_;
    return Window{window_, window_->data + skip, window_bytes_ - skip};
}

Result<void> WalDirectory::load(const FoundWalFile& file,
                                std::uint64_t position,
                                std::uint64_t bytes) {
    window_file_ = nullptr;
    // A window that nobody refers to is read into again.
    if (!window_.unique() || window_->capacity < bytes) {
        window_ = BufferRef();
        window_ = arena_.allocate(bytes);
    }
    if (!window_) {
        return std::unexpected(failed("no memory to read the WAL", file.path, -ENOMEM));
    }
    TRY_VOID(read_blocks(file, position, window_->data, bytes));
    window_file_ = &file;
    window_position_ = position;
    window_bytes_ = bytes;
    return {};
}

// Errors of the device are left to the caller: 0 bytes.
Result<std::uint64_t> WalDirectory::read(const FoundWalFile& file,
                                         std::uint64_t position,
                                         std::byte* to,
                                         std::uint64_t bytes) {
    FileOp op;
    op.kind = FileOpKind::read;
    op.file = file.handle;
    op.position = position;
    op.buffer = to;
    op.length = bytes;
    run_to_completion(storage_, op);
    if (op.result == -EIO || op.result == -ENODATA || op.result == -EILSEQ) return 0;
    if (op.result < 0) {
        return std::unexpected(failed("cannot read a WAL file", file.path, op.result));
    }
    return static_cast<std::uint64_t>(op.result);
}

// All at once; where that fails block by block, so that one bad block costs one block.
Result<void> WalDirectory::read_blocks(const FoundWalFile& file,
                                       std::uint64_t position,
                                       std::byte* to,
                                       std::uint64_t bytes) {
    TRY(const std::uint64_t whole, read(file, position, to, bytes));
    if (whole == bytes) return {};
    std::uint64_t unreadable = 0;
    for (std::uint64_t done = 0; done < bytes; done += kBlockBytes) {
        TRY(const std::uint64_t got, read(file, position + done, to + done, kBlockBytes));
        if (got == kBlockBytes) continue;
        std::memset(to + done, 0, kBlockBytes);
        ++unreadable;
    }
    if (unreadable != 0) {
        events_.event(Level::warning,
                      "wal.unreadable_blocks",
                      "the device cannot read some blocks of a WAL file; they count as empty",
                      {{"path", file.path},
                       {"position", std::to_string(position)},
                       {"blocks", std::to_string(unreadable)}});
    }
    return {};
}

Result<void> WalDirectory::sync(const FoundWalFile& file) {
    FileOp op;
    op.kind = FileOpKind::sync_data;
    op.lane = Lane::wal;
    op.file = file.handle;
    run_to_completion(storage_, op);
    if (op.result < 0) {
        return std::unexpected(failed("cannot flush a WAL file", file.path, op.result));
    }
    return {};
}

}  // namespace millrace::engine
