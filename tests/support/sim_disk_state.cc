// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/sim_disk_state.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <utility>

namespace millrace::testing {

using engine::FileOp;
using engine::FileOpKind;
using engine::kBlockBytes;
using engine::WriteSync;

namespace {

bool is_on_file(FileOpKind kind) {
    switch (kind) {
        case FileOpKind::close:
        case FileOpKind::read:
        case FileOpKind::write:
        case FileOpKind::sync_data:
        case FileOpKind::allocate:
        case FileOpKind::truncate:
            return true;
        default:
            return false;
    }
}

SimOpenFile* find_handle(const FileOp& op, std::vector<SimOpenFile>& handles) {
    const auto index = static_cast<std::int64_t>(op.file);
    if (index < 0 || index >= static_cast<std::int64_t>(handles.size())) return nullptr;
    auto& file = handles[static_cast<std::size_t>(index)];
    return file.open ? &file : nullptr;
}

bool aligned(const FileOp& op) {
    const auto address = reinterpret_cast<std::uintptr_t>(op.buffer);
    return address % kBlockBytes == 0 && op.position % kBlockBytes == 0 &&
           op.length % kBlockBytes == 0;
}

}  // namespace

std::shared_ptr<SimDisk::State> SimDisk::State::copied() const {
    auto copy = std::make_shared<State>(*this);
    copy->observer = nullptr;
    for (auto& write : copy->in_flight) {
        write.op = nullptr;
        if (write.copy) continue;
        write.copy =
                std::make_shared<std::vector<std::byte>>(write.bytes.begin(), write.bytes.end());
        write.bytes = *write.copy;
    }
    return copy;
}

SimFile& SimDisk::State::own(SimNodeId node) {
    auto& file = files.at(node);
    if (file.use_count() > 1) file = std::make_shared<SimFile>(*file);
    return *file;
}

void SimDisk::State::begin_write(const FileOp& op, const SimOpenFile& file) {
    in_flight.push_back({file.node, op.position, {op.buffer, op.length}, nullptr, &op});
}

void SimDisk::State::end_write(const FileOp& op) {
    std::erase_if(in_flight, [&op](const InFlight& write) { return write.op == &op; });
}

void SimDisk::State::execute(FileOp& op, std::vector<SimOpenFile>& handles, bool lying) {
    if (observer) observe(op, handles);
    end_write(op);
    op.result = faulty(op) ? fail(op, handles) : run(op, handles, lying);
    ++operations;
}

void SimDisk::State::observe(const FileOp& op, const std::vector<SimOpenFile>& handles) const {
    SimOperation seen{
            operations, op.kind, std::string(op.path), op.position, op.length, op.sync, op.lane};
    const auto index = static_cast<std::int64_t>(op.file);
    if (is_on_file(op.kind) && index >= 0 && index < static_cast<std::int64_t>(handles.size())) {
        seen.path = handles[static_cast<std::size_t>(index)].path;
    }
    observer(seen);
}

bool SimDisk::State::faulty(const FileOp& op) {
    if (!fault || operations < fault->operation) return false;
    if (fault->kind && *fault->kind != op.kind) return false;
    if (!fault->and_all_after && (fault_hit || (!fault->kind && operations != fault->operation))) {
        return false;
    }
    const bool transfers = op.kind == FileOpKind::write || op.kind == FileOpKind::read;
    if (fault->error == 0 && !(fault->short_write && transfers)) return false;
    fault_hit = true;
    return true;
}

std::int64_t SimDisk::State::fail(FileOp& op, std::vector<SimOpenFile>& handles) {
    auto* file = is_on_file(op.kind) ? find_handle(op, handles) : nullptr;
    const std::uint64_t half = op.length / 2 / kSimSectorBytes * kSimSectorBytes;
    std::int64_t done = 0;
    if (op.kind == FileOpKind::write && file != nullptr) {
        done = half == 0 ? 0 : write(op, file->node, half, true);
    } else if (op.kind == FileOpKind::read && file != nullptr && fault->error == 0) {
        done = std::min(read(op, file->node), static_cast<std::int64_t>(half));
    } else if (op.kind == FileOpKind::sync_data && file != nullptr) {
        own(file->node).fail_sync(op.backend);
    } else if (op.kind == FileOpKind::sync_filesystem) {
        for (auto& [node, unused] : files)
            own(node).fail_sync(op.backend);
    } else if (op.kind == FileOpKind::close && file != nullptr) {
        file->open = false;
    }
    return fault->error != 0 ? -fault->error : done;
}

std::int64_t SimDisk::State::run(FileOp& op, std::vector<SimOpenFile>& handles, bool lying) {
    if (op.kind == FileOpKind::open) return open(op, handles);
    if (!is_on_file(op.kind)) return run_on_tree(op, lying);
    auto* file = find_handle(op, handles);
    if (file == nullptr) return -EBADF;
    if (op.kind == FileOpKind::close) {
        file->open = false;
        return 0;
    }
    return run_on_file(op, *file, lying);
}

std::int64_t SimDisk::State::open(const FileOp& op, std::vector<SimOpenFile>& handles) {
    const auto node = tree.find(op.path);
    if (node && node->directory) return -EISDIR;
    SimNodeId id = node ? node->id : 0;
    if (!node) {
        if (!op.create) return -ENOENT;
        const auto made = tree.make_file(operations, op.path);
        if (made < 0) return made;
        id = static_cast<SimNodeId>(made);
        files[id] = std::make_shared<SimFile>();
    }
    const auto unused =
            std::ranges::find_if(handles, [](const SimOpenFile& file) { return !file.open; });
    const auto index = unused - handles.begin();
    const SimOpenFile opened{id, op.direct, true, std::string(op.path)};
    if (unused == handles.end()) {
        handles.push_back(opened);
    } else {
        *unused = opened;
    }
    return index;
}

std::int64_t SimDisk::State::run_on_file(FileOp& op, const SimOpenFile& file, bool lying) {
    const bool transfers = op.kind == FileOpKind::read || op.kind == FileOpKind::write;
    if (transfers && file.direct && !aligned(op)) return -EINVAL;
    switch (op.kind) {
        case FileOpKind::read:
            return read(op, file.node);
        case FileOpKind::write:
            return write(op, file.node, op.length, lying);
        case FileOpKind::sync_data:
            if (!lying) own(file.node).sync(op.backend);
            return 0;
        case FileOpKind::allocate:
            return allocate(op, file.node);
        default:
            resize(file.node, op.length);
            return 0;
    }
}

std::int64_t SimDisk::State::read(const FileOp& op, SimNodeId node) const {
    const auto& file = *files.at(node);
    const auto size = file.visible().size();
    if (op.position >= size) return 0;
    const auto length = std::min(op.length, size - op.position);
    if (!file.readable(op.position, length)) return -EIO;
    file.visible().read(op.position, {op.buffer, length});
    return static_cast<std::int64_t>(length);
}

std::int64_t SimDisk::State::write(const FileOp& op,
                                   SimNodeId node,
                                   std::uint64_t length,
                                   bool lying) {
    auto& file = own(node);
    const auto needs = [&](std::uint64_t bytes) {
        return file.visible().missing_blocks(op.position, bytes) * kBlockBytes;
    };
    while (length != 0 && needs(length) > free_bytes) {
        const auto end = engine::round_down(op.position + length - 1, kBlockBytes);
        length = end > op.position ? end - op.position : 0;
    }
    if (length == 0 && op.length != 0) return -ENOSPC;
    free_bytes -= needs(length);
    const bool synced = op.sync == WriteSync::bytes && !lying;
    file.write(operations, op.position, {op.buffer, length}, synced);
    return static_cast<std::int64_t>(length);
}

void SimDisk::State::settle_write(const FileOp& op, const std::vector<SimOpenFile>& handles) {
    const auto node = handles[static_cast<std::size_t>(op.file)].node;
    own(node).write(operations, op.position, {op.buffer, op.length}, true);
}

std::int64_t SimDisk::State::allocate(const FileOp& op, SimNodeId node) {
    auto& file = own(node);
    const auto bytes = file.visible().missing_blocks(op.position, op.length) * kBlockBytes;
    if (bytes > free_bytes) return -ENOSPC;
    free_bytes -= bytes;
    file.allocate(operations, op.position, op.length);
    return 0;
}

void SimDisk::State::resize(SimNodeId node, std::uint64_t size) {
    auto& file = own(node);
    const auto blocks = file.visible().allocated_blocks();
    file.resize(operations, size);
    const auto given_back = (blocks - file.visible().allocated_blocks()) * kBlockBytes;
    free_bytes += std::min(given_back, std::numeric_limits<std::uint64_t>::max() - free_bytes);
}

void SimDisk::State::give_back(SimNodeId node) {
    const auto bytes = files.at(node)->visible().allocated_blocks() * kBlockBytes;
    free_bytes += std::min(bytes, std::numeric_limits<std::uint64_t>::max() - free_bytes);
}

std::int64_t SimDisk::State::run_on_tree(FileOp& op, bool lying) {
    switch (op.kind) {
        case FileOpKind::sync_filesystem:
            if (!lying) sync_all(op.backend);
            return 0;
        case FileOpKind::sync_directory:
            return lying ? 0 : tree.sync(op.path, op.backend);
        case FileOpKind::link:
            return tree.link(operations, op.path, op.path_to);
        case FileOpKind::make_directory:
            return tree.make_directory(operations, op.path);
        case FileOpKind::remove_directory:
            return tree.remove_directory(operations, op.path);
        case FileOpKind::list:
            op.names.clear();
            return tree.list(op.path, op.names);
        case FileOpKind::free_space:
            op.size = free_bytes;
            return 0;
        case FileOpKind::stat: {
            const auto node = tree.find(op.path);
            if (!node) return -ENOENT;
            op.size = node->directory ? kBlockBytes : files.at(node->id)->visible().size();
            return 0;
        }
        default:
            return replace_name(op);
    }
}

// unlink and rename: a file that has lost its last name gives its blocks back.
std::int64_t SimDisk::State::replace_name(const FileOp& op) {
    const bool renames = op.kind == FileOpKind::rename;
    const auto gone = tree.find(renames ? op.path_to : op.path);
    const auto result = renames ? tree.rename(operations, op.path, op.path_to)
                                : tree.unlink(operations, op.path);
    if (result == 0 && gone && !gone->directory && !tree.named(gone->id)) give_back(gone->id);
    return result;
}

void SimDisk::State::sync_all(std::uint64_t before) {
    for (auto& [node, unused] : files)
        own(node).sync(before);
    tree.sync_all(before);
}

}  // namespace millrace::testing
