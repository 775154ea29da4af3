// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A test with a real broker on an empty directory and a connected client.
#pragma once

#include "millrace/admin.h"
#include "millrace/client.h"
#include "millrace/consumer.h"
#include "millrace/producer.h"
#include "tests/support/broker_process.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace millrace::testing {

// A record as it came back, on its own feet.
struct StoredRecord {
    std::uint32_t partition = 0;
    std::int64_t offset = 0;
    std::int64_t timestamp_ms = -1;
    std::string key;
    std::string value;
    std::vector<std::pair<std::string, std::string>> headers;
};

class BrokerTest : public ::testing::Test {
protected:
    void start(std::vector<std::string> settings = {"node.shards=2"});
    void restart();  // A clean stop, then a start with the same settings.
    void kill_and_start();

    // Of the brokers started from now on, added to the test's own.
    void set_environment(std::map<std::string, std::string> environment) {
        environment_ = std::move(environment);
    }

    [[nodiscard]] BrokerProcess& broker() { return *broker_; }

    [[nodiscard]] const std::filesystem::path& data() const { return directory_.path(); }

    [[nodiscard]] Client client() const;
    [[nodiscard]] Admin admin() const;

    void create(const std::string& topic,
                std::uint32_t partitions,
                std::vector<std::pair<std::string, std::string>> config = {}) const;

    // Sends one record and waits for its acknowledgement: its offset, or -1 and a failed test.
    std::int64_t send(const Record& record, const ProducerOptions& options = {}) const;

    // Sends many; waits for all.
    void send_all(const std::vector<Record>& records, const ProducerOptions& options = {}) const;

    // Everything of the topic from `from` on, until `count` records or ten seconds without one.
    [[nodiscard]] std::vector<StoredRecord> read(const std::string& topic,
                                                 std::size_t count,
                                                 Position from = Position::start()) const;

    // The command line against this broker.
    [[nodiscard]] CommandResult millrace(std::vector<std::string> arguments,
                                         std::string_view input = {}) const;

    // Files below the data directory that end with `suffix`, in order.
    [[nodiscard]] std::vector<std::filesystem::path> files(const std::string& suffix) const;

private:
    DataDirectory directory_;
    std::vector<std::string> settings_;
    std::map<std::string, std::string> environment_;
    std::unique_ptr<BrokerProcess> broker_;
};

// A record of a topic and value; the views must outlive it.
Record record_of(std::string_view topic, std::string_view value);

}  // namespace millrace::testing
