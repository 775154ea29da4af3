// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// fuse_disk FILE BYTES MOUNTPOINT: serves a file `disk` for a loop device, kept in FILE, whose
// fsync is the flush of a disk's write cache; and a file `control`, which takes "cut SEED" and
// "on", and says what the disk has counted. In the foreground, until it is unmounted.
#define FUSE_USE_VERSION 31
#include "tests/support/fuse_disk/cached_disk.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fuse.h>
#include <memory>
#include <string>
#include <string_view>

namespace {

using millrace::testing::CachedDisk;

constexpr std::string_view kDisk = "/disk";
constexpr std::string_view kControl = "/control";

std::unique_ptr<CachedDisk> disk;

std::string counts_text() {
    const auto& counts = disk->counts();
    return fmt::format("writes {}\nflushes {}\nunflushed {}\nlost {}\n",
                       counts.writes,
                       counts.flushes,
                       counts.unflushed,
                       counts.lost);
}

int get_attributes(const char* path, struct stat* status, fuse_file_info* /*file*/) {
    const std::string_view name = path;
    *status = {};
    if (name == "/") {
        status->st_mode = S_IFDIR | 0755;
        status->st_nlink = 2;
        return 0;
    }
    if (name != kDisk && name != kControl) return -ENOENT;
    status->st_mode = S_IFREG | 0600;
    status->st_nlink = 1;
    status->st_size = name == kDisk ? static_cast<off_t>(disk->bytes()) : 0;
    return 0;
}

int open_file(const char* path, fuse_file_info* file) {
    const std::string_view name = path;
    if (name != kDisk && name != kControl) return -ENOENT;
    file->direct_io = 1;  // Nothing stays in the page cache: what is written is seen here.
    return 0;
}

int read_file(const char* path, char* to, std::size_t size, off_t position, fuse_file_info* /*f*/) {
    const auto from = static_cast<std::uint64_t>(position);
    if (path == kControl) {
        const auto text = counts_text();
        const auto begin = std::min<std::size_t>(from, text.size());
        const auto length = std::min(size, text.size() - begin);
        std::memcpy(to, text.data() + begin, length);
        return static_cast<int>(length);
    }
    if (!disk->holds(from, size)) return -EINVAL;
    disk->read(from, std::as_writable_bytes(std::span(to, size)));
    return static_cast<int>(size);
}

int command(std::string_view text) {
    constexpr std::string_view kCut = "cut ";
    if (text == "on") {
        disk->power_on();
        return 0;
    }
    std::uint64_t seed = 0;
    if (!text.starts_with(kCut)) return -EINVAL;
    text.remove_prefix(kCut.size());
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seed);
    if (parsed.ec != std::errc()) return -EINVAL;
    disk->cut_power(seed);
    return 0;
}

int write_file(const char* path,
               const char* from,
               std::size_t size,
               off_t position,
               fuse_file_info* /*f*/) {
    if (path == kControl) {
        const int failed = command({from, size});
        return failed != 0 ? failed : static_cast<int>(size);
    }
    const auto to = static_cast<std::uint64_t>(position);
    if (!disk->holds(to, size)) return -EINVAL;
    disk->write(to, std::as_bytes(std::span(from, size)));
    return static_cast<int>(size);
}

int flush_cache(const char* path, int /*data_only*/, fuse_file_info* /*file*/) {
    if (path == kDisk) disk->flush();
    return 0;
}

int set_size(const char* path, off_t /*size*/, fuse_file_info* /*file*/) {
    return path == kControl ? 0 : -EINVAL;
}

fuse_operations operations() {
    fuse_operations all{};
    all.getattr = get_attributes;
    all.open = open_file;
    all.read = read_file;
    all.write = write_file;
    all.truncate = set_size;
    all.fsync = flush_cache;
    return all;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        fmt::print(stderr, "usage: fuse_disk FILE BYTES MOUNTPOINT\n");
        return 2;
    }
    disk = std::make_unique<CachedDisk>(argv[1], std::stoull(argv[2]));
    std::string words[] = {argv[0], "-f", "-s", argv[3]};
    char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data()};
    const auto all = operations();
    return fuse_main(4, arguments, &all, nullptr);
}
