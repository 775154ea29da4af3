// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Fills a file system from outside, to its last block or to its last inode.
#pragma once

#include <cstdint>
#include <filesystem>

namespace millrace::testing {

class DiskBallast {
public:
    // `folder`, on the file system, is made and is the ballast's alone.
    explicit DiskBallast(std::filesystem::path folder);
    ~DiskBallast();
    DiskBallast(const DiskBallast&) = delete;
    DiskBallast& operator=(const DiskBallast&) = delete;

    // Takes all blocks but so many bytes.
    void take_blocks(std::uint64_t bytes_left = 0);

    // Takes all inodes but so many: then no file can be made, though there is space.
    void take_inodes(std::uint64_t inodes_left = 0);

    void give_back();

private:
    std::filesystem::path folder_;
    int file_ = -1;
    std::uint64_t bytes_ = 0;
    std::uint64_t inodes_ = 0;
};

}  // namespace millrace::testing
