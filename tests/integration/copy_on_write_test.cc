// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A broker on a copy-on-write file system: btrfs in a file, mounted for the test.
#include "tests/support/broker_process.h"
#include "tests/support/mounted_image.h"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace millrace::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::uintmax_t kImageBytes = std::uintmax_t{1} << 30;  // Sparse.

bool is_overwritten_in_place(const fs::path& file) {
    const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    int flags = 0;
    EXPECT_EQ(ioctl(descriptor, FS_IOC_GETFLAGS, &flags), 0) << file;
    close(descriptor);
    return (flags & FS_NOCOW_FL) != 0;
}

TEST(CopyOnWrite, IsSwitchedOffForTheWriteAheadLogAndNothingElse) {
    DataDirectory directory;
    fs::create_directories(directory.path());
    const MountedImage btrfs(directory.path(), kImageBytes, {"mkfs.btrfs", "--quiet"});
    if (!btrfs.refusal().empty()) {
        ASSERT_FALSE(must_mount()) << btrfs.refusal();
        GTEST_SKIP() << "no btrfs here: " << btrfs.refusal();
    }
    BrokerProcess broker(
            {.data_directory = btrfs.path() / "data", .settings = {}, .arguments = {}});
    EXPECT_THAT(broker.log(), HasSubstr("file_system=btrfs"));
    const auto server = broker.address();
    EXPECT_EQ(
            run_command({millrace_path(), "-s", server, "topic", "create", "t", "-p", "1"}).status,
            0);
    EXPECT_EQ(run_command({millrace_path(), "-s", server, "produce", "t"}, "one\ntwo\n").status, 0);
    EXPECT_EQ(broker.stop(), 0);
    std::vector<fs::path> logs;
    std::vector<fs::path> segments;
    for (const auto& entry : fs::recursive_directory_iterator(btrfs.path() / "data")) {
        if (entry.path().extension() == ".wal") logs.push_back(entry.path());
        if (entry.path().extension() == ".log") segments.push_back(entry.path());
    }
    EXPECT_GE(logs.size(), 1U);
    for (const auto& log : logs)
        EXPECT_TRUE(is_overwritten_in_place(log)) << log;
    EXPECT_THAT(segments, Not(SizeIs(0)));
    for (const auto& segment : segments)
        EXPECT_FALSE(is_overwritten_in_place(segment)) << segment;
}

}  // namespace
}  // namespace millrace::testing
