// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/config/machine.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace millrace::broker {
namespace {

class MachineTest : public ::testing::Test {
protected:
    MachineTest() {
        std::string pattern = "/var/tmp/millrace-machine-XXXXXX";
        root_ = mkdtemp(pattern.data());
        write("proc/meminfo", "MemTotal:        8000000 kB\nMemFree: 1 kB\n");
    }

    ~MachineTest() override { std::filesystem::remove_all(root_); }

    void write(const std::filesystem::path& file, const std::string& text) {
        std::filesystem::create_directories((root_ / file).parent_path());
        std::ofstream(root_ / file) << text;
    }

    std::filesystem::path root_;
};

TEST_F(MachineTest, HasItsMemoryWhereNoGroupLimitsIt) {
    EXPECT_EQ(inspect_machine(root_).memory_bytes, 8'000'000ULL * 1024);
    EXPECT_GE(inspect_machine(root_).cores, 1U);
}

TEST_F(MachineTest, ObeysTheTightestGroupAboveIt) {
    write("proc/self/cgroup", "0::/system.slice/millraced.service\n");
    write("sys/fs/cgroup/system.slice/memory.max", "1073741824\n");
    write("sys/fs/cgroup/system.slice/millraced.service/memory.max", "max\n");
    EXPECT_EQ(inspect_machine(root_).memory_bytes, 1ULL << 30);
}

TEST_F(MachineTest, ObeysGroupsOfTheFirstVersion) {
    write("proc/self/cgroup", "5:cpu,memory:/docker/abc\n3:cpuset:/\n");
    write("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "536870912\n");
    EXPECT_EQ(inspect_machine(root_).memory_bytes, 512ULL << 20);
}

TEST_F(MachineTest, ObeysTheRootOfAContainersOwnTree) {
    write("proc/self/cgroup", "0::/\n");
    write("sys/fs/cgroup/memory.max", "268435456\n");
    EXPECT_EQ(inspect_machine(root_).memory_bytes, 256ULL << 20);
}

}  // namespace
}  // namespace millrace::broker
