// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/fuse_disk/cached_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <system_error>
#include <unistd.h>

namespace millrace::testing {

namespace {

void check(bool good, const char* what) {
    if (!good) throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

CachedDisk::CachedDisk(const std::filesystem::path& file, std::uint64_t bytes)
        : file_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)), bytes_(bytes) {
    check(file_ >= 0, "open of the disk's file");
    check(::ftruncate(file_, static_cast<off_t>(bytes)) == 0, "size of the disk's file");
}

CachedDisk::~CachedDisk() {
    ::close(file_);
}

bool CachedDisk::holds(std::uint64_t position, std::uint64_t bytes) const noexcept {
    return position % kSectorBytes == 0 && bytes % kSectorBytes == 0 && position <= bytes_ &&
           bytes <= bytes_ - position;
}

void CachedDisk::write(std::uint64_t position, std::span<const std::byte> from) {
    if (!powered_) return;
    ++counts_.writes;
    for (; !from.empty(); from = from.subspan(kSectorBytes), position += kSectorBytes) {
        auto& versions = cache_[position / kSectorBytes];
        std::memcpy(versions.emplace_back().data(), from.data(), kSectorBytes);
    }
    counts_.unflushed = cache_.size();
}

void CachedDisk::read(std::uint64_t position, std::span<std::byte> to) const {
    const auto got = ::pread(file_, to.data(), to.size(), static_cast<off_t>(position));
    check(got == static_cast<ssize_t>(to.size()), "read of the disk's file");
    if (cache_.empty()) return;
    for (; !to.empty(); to = to.subspan(kSectorBytes), position += kSectorBytes) {
        const auto cached = cache_.find(position / kSectorBytes);
        if (cached == cache_.end()) continue;
        std::memcpy(to.data(), cached->second.back().data(), kSectorBytes);
    }
}

void CachedDisk::store(std::uint64_t sector, const Sector& content) const {
    const auto put = ::pwrite(
            file_, content.data(), kSectorBytes, static_cast<off_t>(sector * kSectorBytes));
    check(put == static_cast<ssize_t>(kSectorBytes), "write of the disk's file");
}

void CachedDisk::flush() {
    if (!powered_) return;
    ++counts_.flushes;
    for (const auto& [sector, versions] : cache_)
        store(sector, versions.back());
    cache_.clear();
    counts_.unflushed = 0;
}

void CachedDisk::cut_power(std::uint64_t seed) {
    powered_ = false;
    counts_.lost = 0;
    // In the order of their places, so that a seed says the same again.
    std::vector<std::uint64_t> sectors;
    for (const auto& [sector, versions] : cache_)
        sectors.push_back(sector);
    std::ranges::sort(sectors);
    std::mt19937_64 random(seed);
    // Of some cuts little is lost, of others nearly all.
    const auto kept_percent = random() % 101;
    for (const auto sector : sectors) {
        const auto& versions = cache_.at(sector);
        const bool newest = random() % 100 < kept_percent;
        const auto version = newest ? versions.size() : random() % (versions.size() + 1);
        if (version > 0) store(sector, versions[version - 1]);
        if (version < versions.size()) ++counts_.lost;
    }
    cache_.clear();
    counts_.unflushed = 0;
}

}  // namespace millrace::testing
