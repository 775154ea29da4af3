// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/disk_ballast.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <sys/statvfs.h>
#include <unistd.h>

namespace millrace::testing {

namespace {

constexpr std::uint64_t kBlockBytes = 4096;

void require(bool good, const std::string& what) {
    if (!good) throw std::runtime_error(what + ": " + std::strerror(errno));
}

}  // namespace

DiskBallast::DiskBallast(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
    // Made now: later there may be no inode for it.
    file_ = open((folder_ / "blocks").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    require(file_ >= 0, "ballast");
}

DiskBallast::~DiskBallast() {
    close(file_);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

void DiskBallast::take_blocks(std::uint64_t bytes_left) {
    struct statvfs status {};

    require(fstatvfs(file_, &status) == 0, "statvfs");
    std::uint64_t step = status.f_bavail * status.f_frsize;
    if (bytes_left >= step) return;
    step -= bytes_left;
    // The file system needs some blocks itself to map so many: less and less goes in.
    const std::uint64_t end = bytes_left == 0 ? UINT64_MAX : bytes_ + step;
    for (step -= step % kBlockBytes; step >= kBlockBytes && bytes_ < end;) {
        if (fallocate(file_,
                      0,
                      static_cast<off_t>(bytes_),
                      static_cast<off_t>(std::min(step, end - bytes_))) == 0) {
            bytes_ += std::min(step, end - bytes_);
        } else {
            require(errno == ENOSPC, "fallocate");
            step = step / 2 / kBlockBytes * kBlockBytes;
        }
    }
}

void DiskBallast::take_inodes(std::uint64_t inodes_left) {
    for (;;) {
        const auto name = folder_ / std::to_string(inodes_);
        const int file = open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (file < 0) break;
        close(file);
        ++inodes_;
    }
    require(errno == ENOSPC, "taking inodes");
    for (; inodes_left > 0 && inodes_ > 0; --inodes_left, --inodes_)
        std::filesystem::remove(folder_ / std::to_string(inodes_ - 1));
}

void DiskBallast::give_back() {
    require(ftruncate(file_, 0) == 0, "ftruncate");
    bytes_ = 0;
    for (; inodes_ > 0; --inodes_)
        std::filesystem::remove(folder_ / std::to_string(inodes_ - 1));
}

}  // namespace millrace::testing
