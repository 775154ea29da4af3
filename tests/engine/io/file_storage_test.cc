// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What only the backends over real files can show: direct I/O, limits of the kernel, its workers.
#include "engine/io/local_storage_root.h"
#include "engine/units.h"
#include "tests/engine/io/storage_backend.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

namespace millrace::engine::testing {
namespace {

using ::testing::ExitedWithCode;

constexpr auto kBlock = static_cast<std::uint32_t>(kBlockBytes);

// Whether /var/tmp's file system takes direct I/O.
bool direct_io_here() {
    const TemporaryDirectory directory;
    const auto file = directory.path() / "file";
    const Descriptor made(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_DIRECT, 0600));
    return static_cast<bool>(made);
}

class FileBackends : public ::testing::TestWithParam<const char*> {
protected:
    void SetUp() override {
        backend_ = make_backend(GetParam());
        if (backend_ == nullptr) GTEST_SKIP() << "the kernel forbids this backend";
    }

    [[nodiscard]] Storage& storage() { return backend_->storage(); }

    Arena arena_{64 * kMiB};
    std::unique_ptr<StorageBackend> backend_;
};

TEST_P(FileBackends, DirectFilesWantAlignedMemoryAndBufferedOnesDoNot) {
    if (!direct_io_here()) GTEST_SKIP() << "the file system has no direct I/O";
    const auto buffer = arena_.allocate(2 * kBlockBytes);
    const auto file = make_file(storage(), "data", 4 * kBlockBytes);
    const MutableBytes crooked{buffer->data + 1, kBlock};
    const MutableBytes straight{buffer->data, kBlock};
    EXPECT_EQ(write_at(storage(), file, 0, crooked), -EINVAL);
    EXPECT_EQ(write_at(storage(), file, 1, straight), -EINVAL);
    EXPECT_EQ(write_at(storage(), file, 0, straight), kBlock);
    const auto buffered = open_file(storage(), "data", false);
    EXPECT_EQ(write_at(storage(), buffered, 1, crooked), kBlock);
}

// Part of the bytes were taken: an error of the caller's to find, so it must see the number.
TEST_P(FileBackends, AShortWriteIsReportedWithItsLength) {
    const auto buffer = arena_.allocate(2 * kBlockBytes);
    for (const auto lane : {Lane::wal, Lane::background}) {
        const auto* const path = lane == Lane::wal ? "0.wal" : "0.log";
        const auto file = make_file(storage(), path, 2 * kBlockBytes);
        rlimit before{};
        ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
        const rlimit one_block{.rlim_cur = kBlockBytes, .rlim_max = before.rlim_max};
        ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &one_block), 0);
        const auto result = write_at(storage(), file, 0, {buffer->data, 2 * kBlock}, lane);
        ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
        EXPECT_EQ(result, kBlock);
    }
}

TEST_P(FileBackends, RunsOutOfDescriptorsAsAnError) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit few{.rlim_cur = 64, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    std::int64_t result = 0;
    for (int i = 0; i < 100 && result >= 0; ++i) {
        result = run(storage(), {.kind = FileOpKind::open, .create = true, .path = "data"});
    }
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(result, -EMFILE);
}

TEST_P(FileBackends, RefusesPathsThatLeaveTheDirectoryOrCannotBe) {
    const auto open = [&](std::string_view path) {
        return run(storage(), {.kind = FileOpKind::open, .create = true, .path = path});
    };
    EXPECT_EQ(open("/etc/passwd"), -EINVAL);
    EXPECT_EQ(open(std::string_view("a\0b", 3)), -EINVAL);
    EXPECT_EQ(open(std::string(5'000, 'a')), -ENAMETOOLONG);
    EXPECT_EQ(open(std::string(300, 'a')), -ENAMETOOLONG);
}

// Memory of the caller is borrowed: nothing may still write into it afterwards.
TEST_P(FileBackends, TheEndOfAStorageWaitsForWhatIsInFlight) {
    constexpr std::size_t kCount = 64;
    const TemporaryDirectory directory;
    LinesOfEvents events;
    const auto io = storage().name() == "uring" ? IoChoice::uring : IoChoice::threads;
    const auto root = StorageRoot::open(directory.path(), {.io = io}, events);
    ASSERT_TRUE(root);
    auto storage = *(*root)->make_storage();
    const auto file = make_file(*storage, "data", kCount * kBlockBytes);
    const auto source = arena_.allocate(kCount * kBlockBytes);
    std::memset(source->data, 1, kCount * kBlockBytes);
    std::vector<FileOp> ops(kCount);
    for (std::size_t i = 0; i < kCount; ++i) {
        ops[i].kind = FileOpKind::write;
        ops[i].lane = i % 2 == 0 ? Lane::wal : Lane::background;
        ops[i].file = file;
        ops[i].buffer = source->data + i * kBlockBytes;
        ops[i].length = kBlockBytes;
        ops[i].position = i * kBlockBytes;
        ops[i].done = [](FileOp&) noexcept { std::abort(); };
        storage->submit(ops[i]);
    }
    storage.reset();
    for (const auto& op : ops)
        EXPECT_EQ(op.result, kBlock);
}

INSTANTIATE_TEST_SUITE_P(Backends,
                         FileBackends,
                         ::testing::Values("uring", "threads"),
                         [](const auto& test) { return std::string(test.param); });

// Threads of this process that the kernel made to do what a ring could not do at once.
int kernel_workers() {
    int count = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream file(task.path() / "comm");
        std::string name;
        std::getline(file, name);
        if (name.starts_with("iou-wrk")) ++count;
    }
    return count;
}

// A WAL with a zeroed frontier, and runs into allocated space as the flusher writes them.
[[noreturn]] void write_and_count_workers(const std::filesystem::path& path) {
    constexpr std::uint64_t kWalBytes = 4 * kMiB;
    constexpr std::uint64_t kRunBytes = 256 * kKiB;
    LinesOfEvents events;
    const auto root = StorageRoot::open(path, {.io = IoChoice::uring}, events);
    if (!root) std::_Exit(1);
    const auto made = (*root)->make_storage();
    auto& storage = **made;
    Arena arena(64 * kMiB);
    const auto buffer = arena.allocate(kMiB);
    std::memset(buffer->data, 0, kMiB);
    const auto wal = make_file(storage, "0.wal", kWalBytes);
    for (std::uint64_t at = 0; at < kWalBytes; at += kMiB) {
        if (write_at(storage, wal, at, {buffer->data, kMiB}) != kMiB) std::_Exit(2);
    }
    const auto log = make_file(storage, "0.log", 64 * kRunBytes);
    for (std::uint64_t i = 0; i < 512; ++i) {
        const MutableBytes group{buffer->data, kBlock * (1 + i % 8)};
        const auto position = i * 8 * kBlockBytes % kWalBytes;
        const auto written = write_at(storage, wal, position, group, Lane::wal);
        if (written != static_cast<std::int64_t>(group.size())) std::_Exit(3);
        if (i % 8 != 0) continue;
        const MutableBytes run_bytes{buffer->data, kRunBytes};
        if (write_at(storage, log, i / 8 * kRunBytes, run_bytes) != kRunBytes) std::_Exit(4);
        if (run(storage, {.kind = FileOpKind::sync_data, .lane = Lane::wal, .file = wal}) != 0) {
            std::_Exit(5);
        }
        if (read_at(storage, log, i / 8 * kRunBytes, run_bytes) != kRunBytes) std::_Exit(6);
    }
    // The first append of a file without space: beyond its end, where a ring would block.
    const auto small = open_file(storage, "small");
    if (write_at(storage, small, 0, {buffer->data, kBlock}) != kBlock) std::_Exit(7);
    const auto workers = kernel_workers();
    std::_Exit(workers == 0 ? 0 : 100 + workers);
}

TEST(RingDeathTest, WritesInsideFilesNeedNoWorkersOfTheKernel) {
    if (!direct_io_here()) GTEST_SKIP() << "the file system has no direct I/O";
    if (make_backend("uring") == nullptr) GTEST_SKIP() << "the kernel forbids io_uring";
    const TemporaryDirectory directory;
    EXPECT_EXIT(write_and_count_workers(directory.path()), ExitedWithCode(0), "");
}

}  // namespace
}  // namespace millrace::engine::testing
