// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Descriptors that the broker holds for partitions that nobody uses: none.
#include "tests/support/broker_fixture.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>

namespace millrace::testing {
namespace {

constexpr std::uint32_t kPartitions = 500;

class Descriptors : public BrokerTest {
protected:
    // Without sockets: connections of earlier clients may take a moment to end.
    [[nodiscard]] std::ptrdiff_t count_now() {
        const auto open = "/proc/" + std::to_string(broker().process().pid()) + "/fd";
        const std::filesystem::directory_iterator files(open);
        return std::count_if(begin(files), end(files), [](const auto& file) {
            std::error_code gone;
            const auto target = std::filesystem::read_symlink(file, gone).string();
            return !gone && !target.starts_with("socket:");
        });
    }

    void produce_everywhere() {
        std::vector<Record> records;
        for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
            auto& record = records.emplace_back(record_of("idle", "a record"));
            record.partition = partition;
        }
        send_all(records);
    }
};

TEST_F(Descriptors, AreNotHeldForIdlePartitions) {
    start();
    const auto empty = count_now();
    ASSERT_GT(empty, 0);
    create("idle", kPartitions);
    EXPECT_EQ(count_now(), empty) << "without records";
    produce_everywhere();
    EXPECT_EQ(count_now(), empty) << "with records in the write-ahead log";
    restart();
    ASSERT_EQ(files(".log").size(), kPartitions + 1) << "and the metadata log";
    const auto stored = count_now();
    EXPECT_LE(stored, empty + 2) << "with records in segment files";
}

}  // namespace
}  // namespace millrace::testing
