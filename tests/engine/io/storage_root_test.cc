// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/storage_root.h"

#include "engine/io/descriptor.h"
#include "engine/io/ring.h"
#include "engine/units.h"
#include "tests/engine/io/storage_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace millrace::engine::testing {
namespace {

using ::testing::ExitedWithCode;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kNoWait = std::chrono::seconds(0);

auto open_root(const std::filesystem::path& path, IoChoice io, LinesOfEvents& events) {
    return StorageRoot::open(path, {.io = io, .lock_wait = kNoWait}, events);
}

TEST(StorageRoot, MakesMissingDirectoriesForItsUserOnly) {
    const TemporaryDirectory parent;
    LinesOfEvents events;
    const auto path = parent.path() / "a/b/data/";
    const auto root = open_root(path, IoChoice::automatic, events);
    ASSERT_TRUE(root);

    struct stat status {};

    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0700U);
    EXPECT_EQ((*root)->directory(), parent.path() / "a/b/data");
    EXPECT_GT((*root)->filesystem_bytes(), 0U);
    ASSERT_EQ(::stat((path / "lock").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(StorageRoot, SaysWhichCallFailsOnWhichPath) {
    const TemporaryDirectory parent;
    std::ofstream(parent.path() / "file") << "not a directory";
    LinesOfEvents events;
    const auto root = open_root(parent.path() / "file/data", IoChoice::automatic, events);
    ASSERT_FALSE(root);
    EXPECT_EQ(root.error(), (Error{Errc::io_failed, ENOTDIR}));
    const auto lines = events.named("storage.open_failed");
    ASSERT_THAT(lines, SizeIs(1));
    EXPECT_THAT(lines[0], HasSubstr("file/data"));
    EXPECT_THAT(lines[0], HasSubstr("call=mkdir"));
}

TEST(StorageRoot, RefusesASecondOpenerAndNamesTheHolder) {
    const TemporaryDirectory directory;
    LinesOfEvents events;
    auto first = open_root(directory.path(), IoChoice::automatic, events);
    ASSERT_TRUE(first);
    const auto second = open_root(directory.path(), IoChoice::automatic, events);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::locked);
    const auto lines = events.named("storage.locked");
    ASSERT_THAT(lines, SizeIs(1));
    EXPECT_THAT(lines[0], HasSubstr("holder=" + std::to_string(::getpid())));
    first->reset();
    EXPECT_TRUE(open_root(directory.path(), IoChoice::automatic, events));
}

TEST(StorageRoot, WaitsForTheLockAndSaysSo) {
    const TemporaryDirectory directory;
    LinesOfEvents events;
    const auto first = open_root(directory.path(), IoChoice::automatic, events);
    ASSERT_TRUE(first);
    LinesOfEvents events_of_second;
    const auto second = StorageRoot::open(
            directory.path(), {.lock_wait = std::chrono::seconds(1)}, events_of_second);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::locked);
    EXPECT_THAT(events_of_second.named("storage.waiting_for_lock"), SizeIs(1));
    EXPECT_THAT(events_of_second.named("storage.opened"), IsEmpty());
}

TEST(StorageRoot, OneLineSaysWhatWasChosenAndWhy) {
    const TemporaryDirectory directory;
    LinesOfEvents events;
    const auto root = open_root(directory.path(), IoChoice::threads, events);
    ASSERT_TRUE(root);
    const auto storage = (*root)->make_storage();
    ASSERT_TRUE(storage);
    const auto lines = events.named("storage.opened");
    ASSERT_THAT(lines, SizeIs(1));
    for (const auto* const key : {"backend=threads",
                                  "backend_why=chosen by configuration",
                                  " file_system=",
                                  " access=",
                                  " access_why=",
                                  " alignment=",
                                  " write_cache=",
                                  " fua=",
                                  " commit="}) {
        EXPECT_THAT(lines[0], HasSubstr(key));
    }
    EXPECT_EQ((*root)->io_name(), "threads");
    EXPECT_EQ((*storage)->name(), "threads");
    const bool synced = lines[0].find("commit=synced writes") != std::string::npos;
    EXPECT_EQ((*storage)->prefers_synced_writes(), synced);
}

// As a container's profile does it.
void forbid_io_uring() {
    constexpr auto kNumberAt = offsetof(seccomp_data, nr);
    std::array<sock_filter, 4> code = {{
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumberAt),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    sock_fprog program{.len = code.size(), .filter = code.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) std::_Exit(90);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) std::_Exit(91);
}

// Writes and reads a block; ends the process with what went wrong.
[[noreturn]] void use_and_exit(const std::filesystem::path& path, std::string_view backend) {
    LinesOfEvents events;
    const auto root = open_root(path, IoChoice::automatic, events);
    if (!root || (*root)->io_name() != backend) std::_Exit(1);
    {
        const auto storage = (*root)->make_storage();
        if (!storage || (*storage)->name() != backend) std::_Exit(2);
        Arena arena(kMiB);
        const auto buffer = arena.allocate(kBlockBytes);
        const auto file = make_file(**storage, "0.wal", kBlockBytes);
        const MutableBytes block{buffer->data, kBlockBytes};
        if (write_at(**storage, file, 0, block, Lane::wal) != kBlockBytes) std::_Exit(3);
        if (read_at(**storage, file, 0, block) != kBlockBytes) std::_Exit(4);
    }
    std::fputs(events.lines()[0].c_str(), stderr);
    std::_Exit(0);
}

TEST(StorageRootDeathTest, FallsBackToThreadsWhereIoUringIsForbiddenAndSaysWhy) {
    const TemporaryDirectory directory;
    EXPECT_EXIT(
            {
                forbid_io_uring();
                use_and_exit(directory.path(), "threads");
            },
            ExitedWithCode(0),
            "backend=threads backend_why=io_uring: Operation not permitted");
}

[[noreturn]] void demand_a_ring_and_exit(const std::filesystem::path& path) {
    LinesOfEvents events;
    const auto root = open_root(path, IoChoice::uring, events);
    const bool refused = !root && root.error() == Error{Errc::io_failed, EPERM};
    std::fputs(events.lines()[0].c_str(), stderr);
    std::_Exit(refused ? 0 : 1);
}

TEST(StorageRootDeathTest, IsAnErrorWhereIoUringIsDemandedButForbidden) {
    const TemporaryDirectory directory;
    EXPECT_EXIT(
            {
                forbid_io_uring();
                demand_a_ring_and_exit(directory.path());
            },
            ExitedWithCode(0),
            "storage.uring_unavailable .*seccomp");
}

bool ring_is_allowed() {
    const TemporaryDirectory directory;
    LinesOfEvents events;
    return open_root(directory.path(), IoChoice::uring, events).has_value();
}

// Like `ulimit -l 64 -n 64`, and not as root.
void become_an_ordinary_user() {
    const rlimit locked{.rlim_cur = 64 * kKiB, .rlim_max = 64 * kKiB};
    const rlimit files{.rlim_cur = 64, .rlim_max = 64};
    constexpr uid_t kNobody = 65534;
    if (::setrlimit(RLIMIT_MEMLOCK, &locked) != 0) std::_Exit(90);
    if (::setrlimit(RLIMIT_NOFILE, &files) != 0) std::_Exit(91);
    if (::geteuid() == 0 && ::setuid(kNobody) != 0) std::_Exit(92);
}

TEST(StorageRootDeathTest, HasARingForAnOrdinaryUserWithSmallLimits) {
    if (!ring_is_allowed()) GTEST_SKIP() << "the kernel forbids io_uring";
    const TemporaryDirectory directory;
    std::filesystem::permissions(directory.path(), std::filesystem::perms::all);
    EXPECT_EXIT(
            {
                become_an_ordinary_user();
                use_and_exit(directory.path() / "data", "uring");
            },
            ExitedWithCode(0),
            "backend=uring");
}

// What makes the lock outlive a killed process: the ring, not the descriptor, lets it go.
TEST(Ring, KeepsTheLockAfterTheDescriptorIsClosed) {
    if (!ring_is_allowed()) GTEST_SKIP() << "the kernel forbids io_uring";
    const TemporaryDirectory directory;
    const auto path = directory.path() / "lock";
    const Descriptor event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(::flock(lock.get(), LOCK_EX | LOCK_NB), 0);
    auto ring = Ring::make(event.get(), lock.get());
    ASSERT_TRUE(ring);
    lock = {};
    const Descriptor other(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_EQ(::flock(other.get(), LOCK_EX | LOCK_NB), -1);
    EXPECT_EQ(errno, EWOULDBLOCK);
    ring->reset();
    EXPECT_EQ(::flock(other.get(), LOCK_EX), 0);
}

}  // namespace
}  // namespace millrace::engine::testing
