// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/io/write_cache_probe.h"

#include "tests/engine/io/storage_backend.h"

#include <gtest/gtest.h>

#include <fstream>

namespace millrace::engine::testing {
namespace {

// A tree like /sys with one disk 8:0 and its partition 8:1.
class FakeSys {
public:
    FakeSys(const std::string& cache, const std::string& fua) {
        const auto disk = root_.path() / "devices/pci/sda";
        std::filesystem::create_directories(disk / "queue");
        std::filesystem::create_directories(disk / "sda1");
        std::filesystem::create_directories(root_.path() / "dev/block");
        std::filesystem::create_symlink("../../devices/pci/sda", root_.path() / "dev/block/8:0");
        std::filesystem::create_symlink("../../devices/pci/sda/sda1",
                                        root_.path() / "dev/block/8:1");
        std::ofstream(disk / "sda1/partition") << "1\n";
        if (!cache.empty()) std::ofstream(disk / "queue/write_cache") << cache << "\n";
        if (!fua.empty()) std::ofstream(disk / "queue/fua") << fua << "\n";
    }

    [[nodiscard]] WriteCacheFacts read(unsigned minor) const {
        return read_write_cache(8, minor, root_.path());
    }

private:
    TemporaryDirectory root_;
};

TEST(WriteCacheProbe, AVolatileCacheWithoutFuaNeedsFlushes) {
    const FakeSys sys("write back", "0");
    const auto facts = sys.read(0);
    EXPECT_EQ(facts.cache, WriteCache::write_back);
    EXPECT_FALSE(facts.force_unit_access);
    EXPECT_FALSE(facts.synced_write_needs_no_flush());
}

TEST(WriteCacheProbe, FuaMakesSyncedWritesTheBetterCommit) {
    const FakeSys sys("write back", "1");
    EXPECT_TRUE(sys.read(0).synced_write_needs_no_flush());
}

TEST(WriteCacheProbe, SoDoesAWriteThroughCache) {
    const FakeSys sys("write through", "0");
    EXPECT_EQ(sys.read(0).cache, WriteCache::write_through);
    EXPECT_TRUE(sys.read(0).synced_write_needs_no_flush());
}

TEST(WriteCacheProbe, APartitionHasTheCacheOfItsDisk) {
    const FakeSys sys("write through", "1");
    EXPECT_EQ(sys.read(1).cache, WriteCache::write_through);
    EXPECT_TRUE(sys.read(1).force_unit_access);
}

TEST(WriteCacheProbe, WhatSaysNothingIsTakenAsVolatile) {
    const FakeSys sys("", "");
    EXPECT_EQ(sys.read(0).cache, WriteCache::unknown);
    EXPECT_FALSE(sys.read(0).synced_write_needs_no_flush());
    EXPECT_EQ(sys.read(7).cache, WriteCache::unknown);
}

}  // namespace
}  // namespace millrace::engine::testing
