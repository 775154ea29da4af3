// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A broker on a copy-on-write file system: btrfs in a file, mounted for the test.
#include "tests/support/broker_process.h"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <fstream>
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

class Btrfs {
public:
    explicit Btrfs(const fs::path& folder)
            : image_(folder / "image"), mounted_(folder / "mounted") {
        std::ofstream(image_).close();
        fs::resize_file(image_, kImageBytes);
        fs::create_directory(mounted_);
        const auto made = run_command({"mkfs.btrfs", "--quiet", image_});
        if (made.status != 0) throw std::runtime_error(made.errors);
        refusal_ = run_command({"mount", "-o", "loop", image_, mounted_}).errors;
    }

    ~Btrfs() {
        if (refusal_.empty()) run_command({"umount", mounted_});
    }

    Btrfs(const Btrfs&) = delete;
    Btrfs& operator=(const Btrfs&) = delete;

    // Why it could not be mounted; empty: it is.
    [[nodiscard]] const std::string& refusal() const { return refusal_; }

    [[nodiscard]] const fs::path& path() const { return mounted_; }

private:
    fs::path image_;
    fs::path mounted_;
    std::string refusal_;
};

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
    const Btrfs btrfs(directory.path());
    if (!btrfs.refusal().empty()) GTEST_SKIP() << "no btrfs here: " << btrfs.refusal();
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
