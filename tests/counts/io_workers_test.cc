// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Threads that the kernel makes to do what a ring could not do at once: the broker needs none.
#include "tests/support/broker_fixture.h"

#include <filesystem>
#include <fstream>
#include <string>

namespace millrace::testing {
namespace {

constexpr std::uint32_t kPartitions = 8;
constexpr std::size_t kRecordBytes = 32 * 1024UL;
constexpr std::size_t kRecords = 3000;  // Three times the write-ahead log.

class IoWorkers : public BrokerTest {
protected:
    // They stay for five idle seconds, so that none goes unseen between two looks.
    [[nodiscard]] int count_now() {
        int count = 0;
        const auto tasks = "/proc/" + std::to_string(broker().process().pid()) + "/task";
        for (const auto& task : std::filesystem::directory_iterator(tasks)) {
            std::ifstream file(task.path() / "comm");
            std::string name;
            std::getline(file, name);
            if (name.starts_with("iou-wrk")) ++count;
        }
        return count;
    }

    void produce() {
        std::vector<std::string> values(kRecords, std::string(kRecordBytes, 'x'));
        std::vector<Record> records;
        for (std::size_t i = 0; i < kRecords; ++i) {
            auto& record = records.emplace_back(record_of("stored", values[i]));
            record.partition = static_cast<std::uint32_t>(i % kPartitions);
        }
        send_all(records);
    }
};

TEST_F(IoWorkers, AreNotNeededToProduceFlushAndFetch) {
    start({"node.shards=1", "engine.io=auto", "wal.bytes=\"32MiB\""});
    if (broker().ready().io != "uring") GTEST_SKIP() << "no ring here";
    create("stored", kPartitions, {{"segment.bytes", "4194304"}});
    for (int pass = 0; pass < 3; ++pass) {
        produce();
        EXPECT_EQ(count_now(), 0) << "while producing and flushing";
    }
    EXPECT_EQ(read("stored", 3 * kRecords).size(), 3 * kRecords);
    EXPECT_EQ(count_now(), 0) << "while reading what is no longer in memory";
    restart();
    EXPECT_EQ(read("stored", 3 * kRecords).size(), 3 * kRecords);
    EXPECT_EQ(count_now(), 0) << "after a start";
}

}  // namespace
}  // namespace millrace::testing
