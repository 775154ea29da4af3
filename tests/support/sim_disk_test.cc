// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The simulated disk as a running process sees it: operations, errors, faults and space.
#include "tests/support/sim_disk.h"

#include "tests/support/sim_script.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace millrace::testing {

namespace {

using engine::FileOp;
using engine::FileOpKind;
using engine::kBlockBytes;

class SimDiskTest : public ::testing::Test {
protected:
    SimDisk disk_;
    SimScript script_{disk_};
};

TEST_F(SimDiskTest, WhatIsWrittenIsRead) {
    const auto file = script_.open("a");
    EXPECT_EQ(script_.write(file, 4096, AlignedBlocks(8192, 'x')), 8192);
    AlignedBlocks read(16384, '?');
    EXPECT_EQ(script_.read(file, 0, read), 12288);  // Short only at the end of the file.
    EXPECT_EQ(read.text().substr(0, 12288), std::string(4096, '\0') + std::string(8192, 'x'));
    EXPECT_EQ(script_.read(file, 12288, read), 0);
}

TEST_F(SimDiskTest, DirectFilesWantWholeBlocks) {
    const auto file = script_.open("a");
    const AlignedBlocks blocks(8192, 'x');
    FileOp op;
    op.kind = FileOpKind::write;
    op.file = file;
    op.buffer = blocks.data();
    op.length = 100;
    EXPECT_EQ(script_.run(op), -EINVAL);
    op.length = 4096;
    op.position = 512;
    EXPECT_EQ(script_.run(op), -EINVAL);
    op.position = 0;
    op.buffer = blocks.data() + 512;
    EXPECT_EQ(script_.run(op), -EINVAL);
    op.buffer = blocks.data();
    EXPECT_EQ(script_.run(op), 4096);
    op.file = script_.open("b", false);
    op.position = 3;
    op.length = 5;
    EXPECT_EQ(script_.run(op), 5);
    EXPECT_EQ(disk_.contents("b").size(), 8U);
}

TEST_F(SimDiskTest, NamesAreMadeFoundAndRemoved) {
    EXPECT_EQ(script_.on_path(FileOpKind::make_directory, "d"), 0);
    EXPECT_EQ(script_.on_path(FileOpKind::make_directory, "d"), -EEXIST);
    EXPECT_EQ(static_cast<int>(script_.open("e/x")), -ENOENT);
    EXPECT_EQ(static_cast<int>(script_.open("d/x", true, false)), -ENOENT);
    EXPECT_GE(static_cast<int>(script_.open("d/x")), 0);
    EXPECT_EQ(script_.on_path(FileOpKind::link, "d/x", "d/y"), 0);
    EXPECT_EQ(script_.on_path(FileOpKind::link, "d/x", "d/y"), -EEXIST);
    EXPECT_EQ(script_.on_path(FileOpKind::rename, "d/x", "z"), 0);
    EXPECT_EQ(script_.on_path(FileOpKind::stat, "d/x"), -ENOENT);
    EXPECT_EQ(script_.on_path(FileOpKind::stat, "z"), 0);
    EXPECT_EQ(script_.on_path(FileOpKind::remove_directory, "d"), -ENOTEMPTY);
    EXPECT_EQ(script_.on_path(FileOpKind::unlink, "d/y"), 0);
    EXPECT_EQ(script_.on_path(FileOpKind::unlink, "d/y"), -ENOENT);
    EXPECT_EQ(script_.on_path(FileOpKind::remove_directory, "d"), 0);
    EXPECT_EQ(disk_.files(), std::vector<std::string>{"z"});
}

TEST_F(SimDiskTest, ListNamesEntriesOfOneDirectory) {
    script_.on_path(FileOpKind::make_directory, "d");
    script_.open("d/x");
    script_.open("d/y");
    script_.open("z");
    FileOp op;
    op.kind = FileOpKind::list;
    op.path = "d";
    EXPECT_EQ(script_.run(op), 0);
    EXPECT_EQ(op.names, (std::vector<std::string>{"x", "y"}));
    op.path = "e";
    EXPECT_EQ(script_.run(op), -ENOENT);
}

TEST_F(SimDiskTest, AnOpenFileOutlivesItsName) {
    const auto file = script_.open("a");
    script_.write(file, 0, AlignedBlocks(4096, 'x'));
    script_.on_path(FileOpKind::unlink, "a");
    AlignedBlocks read(4096);
    EXPECT_EQ(script_.read(file, 0, read), 4096);
    EXPECT_EQ(read.text(), std::string(4096, 'x'));
    EXPECT_EQ(script_.on_file(FileOpKind::close, file), 0);
    EXPECT_EQ(script_.read(file, 0, read), -EBADF);
}

TEST_F(SimDiskTest, AllocateGrowsWithZerosAndTruncateCuts) {
    const auto file = script_.open("a");
    EXPECT_EQ(script_.on_file(FileOpKind::allocate, file, 8192), 0);
    EXPECT_EQ(disk_.contents("a"), std::vector<std::byte>(8192));
    script_.write(file, 0, AlignedBlocks(8192, 'x'));
    EXPECT_EQ(script_.on_file(FileOpKind::truncate, file, 5000), 0);
    EXPECT_EQ(disk_.contents("a").size(), 5000U);
    EXPECT_EQ(script_.on_file(FileOpKind::truncate, file, 8192), 0);
    EXPECT_EQ(disk_.contents("a")[4999], std::byte{'x'});
    EXPECT_EQ(disk_.contents("a")[5000], std::byte{0});
}

TEST_F(SimDiskTest, FullDiskGivesShortWriteThenError) {
    disk_.set_free_space(8192);
    const auto file = script_.open("a");
    EXPECT_EQ(script_.write(file, 0, AlignedBlocks(12288, 'x')), 8192);
    EXPECT_EQ(script_.write(file, 8192, AlignedBlocks(4096, 'x')), -ENOSPC);
    EXPECT_EQ(script_.write(file, 0, AlignedBlocks(8192, 'y')), 8192);  // Needs no new block.
    EXPECT_EQ(script_.on_file(FileOpKind::allocate, file, 4096, 8192), -ENOSPC);
    FileOp op;
    op.kind = FileOpKind::free_space;
    EXPECT_EQ(script_.run(op), 0);
    EXPECT_EQ(op.size, 0U);
    script_.on_file(FileOpKind::truncate, file, 4096);
    EXPECT_EQ(disk_.free_space(), 4096U);
    script_.on_path(FileOpKind::unlink, "a");
    EXPECT_EQ(disk_.free_space(), 8192U);
}

TEST_F(SimDiskTest, FaultHitsItsOperationOnly) {
    const auto file = script_.open("a");
    disk_.set_fault({.operation = disk_.operations() + 1, .error = EIO});
    EXPECT_EQ(script_.write(file, 0, AlignedBlocks(4096, 'x')), 4096);
    EXPECT_FALSE(disk_.fault_hit());
    EXPECT_EQ(script_.write(file, 0, AlignedBlocks(4096, 'y')), -EIO);
    EXPECT_TRUE(disk_.fault_hit());
    EXPECT_EQ(script_.write(file, 0, AlignedBlocks(4096, 'z')), 4096);
}

TEST_F(SimDiskTest, FaultMayLast) {
    const auto file = script_.open("a");
    disk_.set_fault({.operation = disk_.operations(), .and_all_after = true, .error = EROFS});
    EXPECT_EQ(script_.write(file, 0, AlignedBlocks(4096, 'x')), -EROFS);
    EXPECT_EQ(script_.on_file(FileOpKind::sync_data, file), -EROFS);
    disk_.clear_fault();
    EXPECT_EQ(script_.write(file, 0, AlignedBlocks(4096, 'x')), 4096);
}

TEST_F(SimDiskTest, FaultMayWaitForAKind) {
    const auto file = script_.open("a");
    disk_.set_fault({.error = EIO, .kind = FileOpKind::sync_data});
    EXPECT_EQ(script_.write(file, 0, AlignedBlocks(4096, 'x')), 4096);
    EXPECT_EQ(script_.on_file(FileOpKind::sync_data, file), -EIO);
    EXPECT_EQ(script_.on_file(FileOpKind::sync_data, file), 0);
}

TEST_F(SimDiskTest, ShortWriteDoesHalf) {
    const auto file = script_.open("a");
    disk_.set_fault({.operation = disk_.operations(), .short_write = true});
    EXPECT_EQ(script_.write(file, 0, AlignedBlocks(8192, 'x')), 4096);
    EXPECT_EQ(disk_.contents("a").size(), 4096U);
}

TEST_F(SimDiskTest, UnreadableBytesFailUntilWrittenOver) {
    const auto file = script_.open("a");
    script_.write(file, 0, AlignedBlocks(12288, 'x'));
    disk_.make_unreadable("a", 5000, 10);
    AlignedBlocks read(4096);
    EXPECT_EQ(script_.read(file, 0, read), 4096);
    EXPECT_EQ(script_.read(file, 4096, read), -EIO);
    EXPECT_EQ(script_.read(file, 8192, read), 4096);
    script_.write(file, 4096, AlignedBlocks(4096, 'y'));
    EXPECT_EQ(script_.read(file, 4096, read), 4096);
}

std::string order_of(std::uint64_t seed) {
    SimDisk disk;
    SimStorage storage(disk, {.seed = seed});
    std::string order;
    std::vector<FileOp> ops(8);
    for (std::size_t index = 0; index < ops.size(); ++index) {
        ops[index].kind = FileOpKind::free_space;
        ops[index].position = index;
        ops[index].owner = &order;
        ops[index].done = [](FileOp& op) noexcept {
            static_cast<std::string*>(op.owner)->push_back(static_cast<char>('0' + op.position));
        };
        storage.submit(ops[index]);
    }
    EXPECT_EQ(storage.run_completions(), 0U);  // Not before they are handed over.
    storage.flush_submissions();
    while (storage.in_flight() != 0)
        storage.run_completions();
    return order;
}

TEST(SimStorageTest, SeedDecidesTheOrder) {
    EXPECT_EQ(order_of(0), "01234567");
    EXPECT_EQ(order_of(7), order_of(7));
    EXPECT_NE(order_of(7), order_of(0));
    EXPECT_NE(order_of(7), order_of(8));
}

TEST(SimStorageTest, CopiesOfADiskGoTheirOwnWays) {
    SimDisk disk;
    SimScript script(disk);
    const auto file = script.open("a");
    script.write(file, 0, AlignedBlocks(4096, 'x'));
    const SimDisk copy = disk;
    script.write(file, 0, AlignedBlocks(4096, 'y'));
    EXPECT_EQ(copy.contents("a")[0], std::byte{'x'});
    EXPECT_EQ(disk.contents("a")[0], std::byte{'y'});
}

}  // namespace

}  // namespace millrace::testing
