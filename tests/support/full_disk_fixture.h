// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A real broker on a small ext4 of its own that can be filled from outside.
#pragma once

#include "millrace/admin.h"
#include "millrace/client.h"
#include "millrace/producer.h"
#include "tests/support/broker_process.h"
#include "tests/support/disk_ballast.h"
#include "tests/support/mounted_image.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::testing {

// What the file system runs out of. The broker looks at free blocks, but not at inodes: of these
// it hears from the kernel alone.
enum class Shortage : std::uint8_t { blocks, inodes };

class FullDiskTest : public ::testing::TestWithParam<Shortage> {
protected:
    void SetUp() override;  // Passes the test over where nothing can be mounted.

    void TearDown() override;  // After a failure, what the broker said.

    void start(const std::string& folder = "data");
    void kill_and_start();

    [[nodiscard]] BrokerProcess& broker() { return *broker_; }

    [[nodiscard]] DiskBallast& ballast() { return *ballast_; }

    [[nodiscard]] std::filesystem::path data(const std::string& folder = "data") const {
        return image_->path() / folder;
    }

    // Fills the disk as the parameter says: to the last, or so that something small goes in.
    void fill();
    void fill_nearly();

    [[nodiscard]] Admin admin();
    void create(const std::string& topic,
                std::vector<std::pair<std::string, std::string>> config = {});

    static constexpr std::uint64_t kRecordBytes = 64U << 10;
    static constexpr std::uint64_t kLogBytes = 32U << 20;  // Of the write-ahead log.
    static constexpr std::chrono::milliseconds kPatience{1500};

    // Sends 64 KiB records until one is refused, at most `bytes`, and remembers what was
    // acknowledged.
    std::optional<Error> send(const std::string& topic,
                              std::uint64_t bytes,
                              std::chrono::milliseconds patience = std::chrono::minutes(1));

    // The same where it has to be refused soon, for want of space; says what is wrong.
    void expect_refusal(const std::string& topic);
    static void expect_storage_full(const std::optional<Error>& error);

    // Health and metrics say it; the process has not ended.
    void expect_told();

    // What was acknowledged is gone with its directory, or its topic.
    void forget() { acked_.clear(); }

    void forget(const std::string& topic) { acked_.erase(topic); }

    // Every acknowledged record is there.
    void expect_everything_readable();

    // Space is given back: without a restart appends are taken again, and nobody is told of a
    // full disk any more. Then again after a kill.
    void expect_recovery(const std::string& topic);

    [[nodiscard]] bool logged(const std::string& event);
    [[nodiscard]] double metric_of(const std::string& series);

    // Looks until it is true, at most so long.
    static bool eventually(const std::function<bool()>& condition,
                           std::chrono::seconds limit = std::chrono::seconds(30));

private:
    [[nodiscard]] Client client(std::chrono::milliseconds patience);
    [[nodiscard]] static std::string value_of(std::uint64_t number);

    DataDirectory directory_;
    std::unique_ptr<MountedImage> image_;
    std::unique_ptr<DiskBallast> ballast_;
    std::unique_ptr<BrokerProcess> broker_;
    std::uint64_t next_number_ = 0;
    std::map<std::string, std::map<std::int64_t, std::uint64_t>> acked_;  // By topic and offset.
};

}  // namespace millrace::testing
