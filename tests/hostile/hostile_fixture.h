// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One real broker for all hostile items. Around every test it looks at what must not have
// happened: topics, settings and ends of partitions are those from before, honest clients are
// served on every shard, memory stayed bounded.
#pragma once

#include "engine/types.h"
#include "schemas/wire/errors.h"
#include "schemas/wire/hello.h"
#include "tests/broker/request/requests.h"
#include "tests/hostile/raw_client.h"
#include "tests/support/broker_process.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::testing {

// The code a row or the whole request was answered with, by name, so that a failure can be read.
[[nodiscard]] std::string name_of(wire::ErrorCode code);
[[nodiscard]] std::string name_of(std::uint16_t number);
[[nodiscard]] std::string error_of(const Answer& answer);

// The fixed part of the answer to hello.
[[nodiscard]] wire::HelloResponse hello_response(const Answer& answer);

// A frame of any API with this table.
[[nodiscard]] RequestFrame with_table(wire::Api api, engine::Bytes table, engine::Bytes = {});

class Hostile : public ::testing::Test {
protected:
    static void SetUpTestSuite();
    static void TearDownTestSuite();
    void SetUp() override;
    void TearDown() override;

    [[nodiscard]] static BrokerProcess& broker();
    [[nodiscard]] static const std::filesystem::path& data();
    // A connection that has said hello, and one that has not.
    [[nodiscard]] static RawClient connect();
    [[nodiscard]] static RawClient dial();

    // The partition that hostile requests aim at.
    [[nodiscard]] static engine::PartitionKey victim(std::uint32_t partition = 0);
    [[nodiscard]] static std::int64_t end_of(const engine::PartitionKey& key);

    // The connection ends without an answer, before hello and after it. `reason` is what the same
    // bytes make a connection say in this process.
    static void expect_stream_refused(engine::Bytes bytes, std::string_view reason);
    // Answered as a whole with this error, and the connection goes on.
    static void expect_refused(const RequestFrame& frame, wire::ErrorCode code);
    // What the victim's partition says to these batches, by name.
    [[nodiscard]] static std::string produce_error(const std::vector<std::byte>& batches);
    [[nodiscard]] static std::string produce_error(RawClient& client,
                                                   const engine::PartitionKey& key,
                                                   const std::vector<std::byte>& batches);

    // A topic for one test.
    [[nodiscard]] static engine::TopicId create_topic(const std::string& name,
                                                      std::uint32_t partitions,
                                                      const Settings& config = {});
    static void delete_topic(const std::string& name);

    // Produces to every partition of a topic of its own and reads it back.
    static void expect_honest_service();

    // Most memory the broker has had since the test began, beyond what it had then.
    [[nodiscard]] std::uint64_t memory_growth() const;
    // Processor time the broker has used so far.
    [[nodiscard]] static std::chrono::milliseconds processor_time();
    [[nodiscard]] static std::size_t open_descriptors();

    std::int64_t records_expected = 0;    // That a legal item adds to the victim's partition 0.
    std::uint64_t memory_growth_max = 0;  // Set by SetUp; a test may lower or raise it.

private:
    struct State {
        std::string catalog;  // Topics with their ids, partitions and settings.
        std::vector<std::int64_t> ends;

        bool operator==(const State&) const = default;
    };

    [[nodiscard]] static State state();
    [[nodiscard]] static std::uint64_t memory_peak();

    State before_;
    std::uint64_t memory_before_ = 0;
};

}  // namespace millrace::testing
