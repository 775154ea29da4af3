// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/fuse_disk/cached_disk.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <set>
#include <string>
#include <unistd.h>

namespace millrace::testing {
namespace {

constexpr std::uint64_t kSectors = 64;

// Each sector is one letter.
class CachedDiskTest : public ::testing::Test {
protected:
    CachedDiskTest() {
        std::string name = "/tmp/cached-disk-XXXXXX";
        const int made = mkstemp(name.data());
        EXPECT_GE(made, 0);
        ::close(made);
        file_ = name;
        open_again();
    }

    ~CachedDiskTest() override { std::filesystem::remove(file_); }

    CachedDiskTest(const CachedDiskTest&) = delete;
    CachedDiskTest& operator=(const CachedDiskTest&) = delete;

    void open_again() { disk_.emplace(file_, kSectors * kSectorBytes); }

    void write(std::uint64_t sector, const std::string& letters) {
        std::string bytes;
        for (const char letter : letters)
            bytes.append(kSectorBytes, letter);
        disk_->write(sector * kSectorBytes, std::as_bytes(std::span(bytes)));
    }

    std::string read(std::uint64_t sector, std::uint64_t sectors) {
        std::string bytes(sectors * kSectorBytes, '\0');
        disk_->read(sector * kSectorBytes, std::as_writable_bytes(std::span(bytes)));
        std::string letters;
        for (std::size_t at = 0; at < bytes.size(); at += kSectorBytes) {
            EXPECT_EQ(bytes.substr(at, kSectorBytes), std::string(kSectorBytes, bytes[at]));
            letters += bytes[at] == '\0' ? '.' : bytes[at];
        }
        return letters;
    }

    // What a cut makes of 16 sectors that are flushed as 'a' and then written as 'b' and as 'c'.
    std::string after_cut(std::uint64_t seed) {
        open_again();
        write(0, std::string(16, 'a'));
        disk_->flush();
        write(0, std::string(16, 'b'));
        write(0, std::string(16, 'c'));
        disk_->cut_power(seed);
        return read(0, 16);
    }

    std::filesystem::path file_;
    std::optional<CachedDisk> disk_;
};

TEST_F(CachedDiskTest, ReadsWhatWasWrittenBeforeAndAfterAFlush) {
    EXPECT_EQ(read(0, 4), "....");
    write(1, "ab");
    EXPECT_EQ(read(0, 4), ".ab.");
    disk_->flush();
    write(2, "c");
    EXPECT_EQ(read(0, 4), ".ac.");
    EXPECT_EQ(disk_->counts().unflushed, 1U);
}

TEST_F(CachedDiskTest, KeepsWhatWasFlushedOverEveryCut) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        open_again();
        write(3, "xyz");
        disk_->flush();
        disk_->cut_power(seed);
        EXPECT_EQ(read(3, 3), "xyz");
        EXPECT_EQ(disk_->counts().lost, 0U);
    }
}

TEST_F(CachedDiskTest, LeavesOfUnflushedSectorsAnyVersionEachForItself) {
    std::set<char> seen;
    std::set<std::string> results;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const auto left = after_cut(seed);
        EXPECT_THAT(left, ::testing::Each(::testing::AnyOf('a', 'b', 'c')));
        seen.insert(left.begin(), left.end());
        results.insert(left);
    }
    EXPECT_EQ(seen, (std::set{'a', 'b', 'c'}));
    EXPECT_GT(results.size(), 30U);
}

TEST_F(CachedDiskTest, DecidesTheSameAgainForASeed) {
    for (std::uint64_t seed = 0; seed < 10; ++seed)
        EXPECT_EQ(after_cut(seed), after_cut(seed)) << seed;
}

TEST_F(CachedDiskTest, TakesNothingWhileThePowerIsOff) {
    write(0, "a");
    disk_->flush();
    disk_->cut_power(1);
    write(0, "b");
    disk_->flush();
    EXPECT_EQ(read(0, 1), "a");
    disk_->power_on();
    write(0, "c");
    EXPECT_EQ(read(0, 1), "c");
}

TEST_F(CachedDiskTest, HoldsWholeSectorsInsideItself) {
    EXPECT_TRUE(disk_->holds(0, kSectors * kSectorBytes));
    EXPECT_FALSE(disk_->holds(kSectorBytes, kSectors * kSectorBytes));
    EXPECT_FALSE(disk_->holds(100, kSectorBytes));
    EXPECT_FALSE(disk_->holds(0, 100));
    EXPECT_FALSE(disk_->holds(UINT64_MAX - kSectorBytes + 1, 2 * kSectorBytes));
}

}  // namespace
}  // namespace millrace::testing
