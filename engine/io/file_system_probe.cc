// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/io/file_system_probe.h"

#include "engine/io/descriptor.h"
#include "engine/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <linux/magic.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace millrace::engine {

namespace {

constexpr std::array<std::int64_t, 7> kRemote = {NFS_SUPER_MAGIC,
                                                 SMB_SUPER_MAGIC,
                                                 0xFE534D42 /* SMB 2 and later */,
                                                 0xFF534D42 /* CIFS */,
                                                 CEPH_SUPER_MAGIC,
                                                 V9FS_MAGIC,
                                                 AFS_SUPER_MAGIC};

template <class Set>
bool is_one_of(const Set& set, std::int64_t value) {
    return std::find(set.begin(), set.end(), value) != set.end();
}

// In /proc/self/mountinfo a space is written \040.
std::string unescaped(const std::string& text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            result += static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8));
            i += 3;
        } else {
            result += text[i];
        }
    }
    return result;
}

// Type and source of the mount that the descriptor lies on.
void find_mount(int directory, FileSystemFacts& facts) {
    facts.type = "unknown";

    struct statx status {};

    if (::statx(directory, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) != 0) return;
    if ((status.stx_mask & STATX_MNT_ID) == 0) return;
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        // "36 35 98:0 /root /mount/point options optional... - type source options"
        std::istringstream fields(line);
        std::uint64_t id = 0;
        fields >> id;
        const auto separator = line.find(" - ");
        if (id != status.stx_mnt_id || separator == std::string::npos) continue;
        std::istringstream last(line.substr(separator + 3));
        std::string source;
        last >> facts.type >> source;
        facts.source = unescaped(source);
        return;
    }
}

// Writes the first block of the lock file again, directly; says why not.
std::string try_direct(int directory, const char* lock) {
    const Descriptor direct(::openat(directory, lock, O_RDWR | O_CLOEXEC | O_DIRECT));
    if (!direct) return fmt::format("open with O_DIRECT: {}", std::strerror(errno));
    alignas(kBlockBytes) static thread_local std::array<std::byte, kBlockBytes> block;
    if (::pread(direct.get(), block.data(), block.size(), 0) < 0) {
        return fmt::format("direct read of {} bytes: {}", kBlockBytes, std::strerror(errno));
    }
    // A full disk says nothing about direct I/O.
    if (::pwrite(direct.get(), block.data(), block.size(), 0) < 0 && errno == EINVAL) {
        return fmt::format("direct write of {} bytes: {}", kBlockBytes, std::strerror(errno));
    }
    return {};
}

void find_alignment(int directory, const char* lock, FileSystemFacts& facts) {
    facts.alignment = kBlockBytes;
    facts.direct_why = "O_DIRECT tried and taken";

    struct statx status {};

    const bool told = ::statx(directory, lock, 0, STATX_DIOALIGN, &status) == 0 &&
                      (status.stx_mask & STATX_DIOALIGN) != 0;
    if (told) {
        const auto alignment = std::max(status.stx_dio_mem_align, status.stx_dio_offset_align);
        if (status.stx_dio_offset_align == 0) {
            facts.direct_why = "the file system has no direct I/O";
            return;
        }
        if (alignment > kBlockBytes) {
            facts.direct_why = fmt::format("it wants blocks of {} bytes", alignment);
            return;
        }
        facts.alignment = alignment;
        facts.direct_why = fmt::format("O_DIRECT taken, STATX_DIOALIGN says {}", alignment);
    }
    const auto refusal = try_direct(directory, lock);
    facts.direct = refusal.empty();
    if (!facts.direct) facts.direct_why = refusal;
}

}  // namespace

FileSystemFacts probe_file_system(int directory, const char* lock) {
    FileSystemFacts facts;
    find_mount(directory, facts);

    struct statfs status {};

    if (::fstatfs(directory, &status) == 0) {
        facts.bytes = static_cast<std::uint64_t>(status.f_blocks) *
                      static_cast<std::uint64_t>(status.f_bsize);
        facts.remote = is_one_of(kRemote, status.f_type);
        facts.copy_on_write = status.f_type == BTRFS_SUPER_MAGIC;
    }
    find_alignment(directory, lock, facts);
    return facts;
}

}  // namespace millrace::engine
