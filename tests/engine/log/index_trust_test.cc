// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Index files are hints: gone, cut, or full of lies, they change no answer.
#include "tests/engine/log/log_harness.h"

#include <gtest/gtest.h>

#include <functional>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::LogHarness;
using testing::SimDisk;
using testing::stored;

const std::string kFolder = "topics/orders-3/";

struct Mischief {
    const char* name;
    std::function<void(SimDisk& disk, const std::string& path)> make;
};

void PrintTo(const Mischief& mischief, std::ostream* to) {
    *to << mischief.name;
}

// Both files of every segment are treated the same, or only one of the kinds.
class IndexTrust : public ::testing::TestWithParam<Mischief> {
protected:
    static constexpr std::int64_t kRecords = 120;

    static TimestampMs time_of(std::int64_t i) {
        return 1'690'000'000'000 + i * 1000 - (i % 5) * 2500;
    }

    void fill() {
        harness_.open({.segment_bytes = 40'000, .index_interval_bytes = 2000});
        for (std::int64_t i = 0; i < kRecords; ++i) {
            harness_.append(batch_of(value(i), 1, time_of(i)));
        }
        ASSERT_TRUE(harness_.flush_all().has_value());
        rows_ = harness_.only_files();
    }

    static std::string value(std::int64_t i) {
        return std::string(static_cast<std::size_t>(600 + i % 300),
                           static_cast<char>('a' + i % 26));
    }

    void expect_right_answers() {
        for (std::int64_t i = 0; i < kRecords; ++i) {
            const auto read = harness_.read(i, 1);
            ASSERT_TRUE(read.outcome.has_value()) << i;
            ASSERT_EQ(read.bytes_read(), stored(batch_of(value(i), 1, time_of(i)), i)) << i;
        }
        for (TimestampMs time = time_of(0) - 3000; time < time_of(kRecords); time += 700) {
            std::int64_t expected = 0;
            while (expected < kRecords && time_of(expected) < time)
                ++expected;
            const auto found = harness_.look_up(time);
            ASSERT_TRUE(found.outcome.has_value());
            ASSERT_EQ(found.found, expected < kRecords) << time;
            if (!found.found) continue;
            ASSERT_EQ(found.offset, Offset(expected)) << time;
            ASSERT_EQ(found.found_timestamp, time_of(expected));
        }
    }

    void make_mischief(const std::string& suffix) {
        for (const auto& name : harness_.folder()) {
            if (name.ends_with(suffix)) GetParam().make(harness_.disk, kFolder + name);
        }
    }

    LogHarness harness_;
    std::vector<PartitionRow> rows_;
};

TEST_P(IndexTrust, ChangesNoAnswerWithBothKinds) {
    fill();
    make_mischief("index");
    harness_.restart(rows_, true);
    expect_right_answers();
}

TEST_P(IndexTrust, ChangesNoAnswerWithTheOffsets) {
    fill();
    make_mischief(".index");
    harness_.restart(rows_, true);
    expect_right_answers();
}

TEST_P(IndexTrust, ChangesNoAnswerWithTheTimes) {
    fill();
    make_mischief(".timeindex");
    harness_.restart(rows_, true);
    expect_right_answers();
}

TEST_P(IndexTrust, DoesNotSpreadToWhatIsWrittenNext) {
    fill();
    make_mischief("index");
    harness_.restart(rows_, true);
    for (std::int64_t i = kRecords; i < kRecords + 60; ++i) {
        harness_.append(batch_of(value(i), 1, time_of(i)));
    }
    harness_.only_files();
    for (std::int64_t i = kRecords; i < kRecords + 60; ++i) {
        const auto read = harness_.read(i, 1);
        ASSERT_EQ(read.bytes_read(), stored(batch_of(value(i), 1, time_of(i)), i, 1)) << i;
    }
    // The last segment but one was sealed by this run from its index.
    const auto found = harness_.look_up(time_of(kRecords + 20));
    std::int64_t expected = 0;
    while (time_of(expected) < time_of(kRecords + 20))
        ++expected;
    EXPECT_EQ(found.offset, Offset(expected));
}

void change(SimDisk& disk, const std::string& path, std::uint64_t every, std::byte with) {
    auto bytes = disk.contents(path);
    for (std::size_t at = every / 2; at < bytes.size(); at += every)
        bytes[at] ^= with;
    disk.overwrite(path, 0, bytes);
}

INSTANTIATE_TEST_SUITE_P(
        Kinds,
        IndexTrust,
        ::testing::Values(
                Mischief{"Untouched", [](SimDisk&, const std::string&) {}},
                Mischief{"Gone", [](SimDisk& disk, const std::string& path) { disk.remove(path); }},
                Mischief{"Zeroed",
                         [](SimDisk& disk, const std::string& path) {
                             disk.overwrite(
                                     path, 0, std::vector<std::byte>(disk.contents(path).size()));
                         }},
                Mischief{"SecondHalfZeroed",
                         [](SimDisk& disk, const std::string& path) {
                             const auto size = disk.contents(path).size();
                             disk.overwrite(
                                     path, size / 2, std::vector<std::byte>(size - size / 2));
                         }},
                Mischief{"LowBitsFlipped",
                         [](SimDisk& disk, const std::string& path) {
                             change(disk, path, 4, std::byte{1});
                         }},
                Mischief{"EverySecondEntryShifted",
                         [](SimDisk& disk, const std::string& path) {
                             auto bytes = disk.contents(path);
                             for (std::size_t at = 7; at < bytes.size(); at += 24) {
                                 bytes[at] ^= std::byte{0x3};
                             }
                             disk.overwrite(path, 0, bytes);
                         }},
                Mischief{"Unreadable",
                         [](SimDisk& disk, const std::string& path) {
                             disk.make_unreadable(path, 0, disk.contents(path).size());
                         }}),
        [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace millrace::engine
