// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/api_table.h"
#include "schemas/wire/hello.h"
#include "tests/broker/request/requests.h"
#include "tests/broker/request/service_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace millrace::testing {

namespace {

using ::testing::HasSubstr;
using wire::ErrorCode;

constexpr std::uint16_t number_of(ErrorCode code) {
    return static_cast<std::uint16_t>(code);
}

wire::HelloResponse hello_response(const Answer& answer) {
    wire::HelloResponse response;
    EXPECT_GE(answer.payload.size(), sizeof response);
    std::memcpy(&response, answer.payload.data(), sizeof response);
    return response;
}

class SessionTest : public ::testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(rig_.start()) << rig_.events(); }

    SimDisk disk_;
    ServiceRig rig_{disk_};
};

TEST_F(SessionTest, BeginsWithHelloThatTellsLimitsAndApis) {
    auto& peer = rig_.open();
    const auto answer = rig_.ask(peer, hello_request());
    const auto response = hello_response(answer);
    EXPECT_EQ(answer.header.table_bytes, 0U);
    EXPECT_EQ(response.error, 0);
    EXPECT_EQ(response.cluster_id[2], 3);
    EXPECT_EQ(response.request_bytes_max, 16U << 20);
    EXPECT_EQ(response.authentication, 0U);
    ASSERT_EQ(response.api_count, broker::kApiCount);
    wire::ApiRange range;
    std::memcpy(&range, answer.payload.data() + sizeof response, sizeof range);
    EXPECT_EQ(range.api, static_cast<std::uint16_t>(wire::Api::hello));
    EXPECT_TRUE(peer.authenticated);
}

TEST_F(SessionTest, RefusesOtherRequestsBeforeHello) {
    auto& peer = rig_.open();
    EXPECT_EQ(rig_.ask(peer, metadata_request({})).error(),
              number_of(ErrorCode::authentication_required));
    EXPECT_FALSE(peer.authenticated);
}

TEST_F(SessionTest, RefusesAHelloWhoseTextsDoNotFit) {
    auto& peer = rig_.open();
    for (const unsigned name_bytes : {5U, 129U, 65535U}) {
        auto request = hello_request();
        wire::HelloRequest fields;
        fields.name_bytes = static_cast<std::uint16_t>(name_bytes);
        fields.version_bytes = 128;
        std::memcpy(request.memory->data(), &fields, sizeof fields);
        EXPECT_EQ(hello_response(rig_.ask(peer, request)).error,
                  number_of(ErrorCode::malformed_request));
    }
    auto empty = hello_request();
    empty.payload_bytes = 0;
    EXPECT_EQ(hello_response(rig_.ask(peer, empty)).error, number_of(ErrorCode::malformed_request));
    EXPECT_FALSE(peer.authenticated);
}

TEST_F(SessionTest, AnswersUnknownVersionsWithTheRange) {
    auto& peer = rig_.open();
    auto hello = hello_request();
    hello.header.api_version = 9;
    const auto response = hello_response(rig_.ask(peer, hello));
    EXPECT_EQ(response.error, number_of(ErrorCode::unsupported_version));
    EXPECT_EQ(response.api_count, broker::kApiCount);

    auto& open = rig_.connect();
    auto request = metadata_request({});
    request.header.api_version = 2;
    const auto refused = rig_.ask(open, request);
    EXPECT_EQ(refused.error(), number_of(ErrorCode::unsupported_version));
    EXPECT_THAT(refused.message(), HasSubstr("metadata"));
    EXPECT_THAT(refused.message(), HasSubstr("1 to 1"));
    auto unknown = metadata_request({});
    unknown.header.api = 999;
    EXPECT_EQ(rig_.ask(open, unknown).error(), number_of(ErrorCode::unsupported_api));
}

TEST_F(SessionTest, RefusesApisThatHaveNoServiceYet) {
    auto& peer = rig_.connect();
    for (const auto api : {wire::Api::authenticate}) {
        EXPECT_EQ(rig_.ask(peer, make_frame(api, {}, {})).error(),
                  number_of(ErrorCode::unsupported_api));
    }
}

TEST_F(SessionTest, SurvivesEveryFlippedBitOfARequest) {
    auto& peer = rig_.connect();
    const auto id = create(rig_, peer, "orders", 2);
    const RequestFrame requests[] = {
            metadata_request({"orders", "other"}),
            create_topic_request("made", 1, {{"segment.ms", "1h"}}),
            produce_request({{{id, 0}, batch_of({"a"})}}),
            fetch_request({{{id, 0}}}, {.wait_max_ms = 0}),
            list_offsets_request({id, 0}, -1),
            alter_topic_request("orders", {{"segment.ms", "1h"}}),
            describe_topic_configs_request("orders", {"segment.ms", "retention.ms"}),
    };
    for (const auto& request : requests) {
        for (std::size_t bit = 0; bit < request.table_bytes * 8; ++bit) {
            auto damaged = request;
            damaged.memory = std::make_shared<std::vector<std::uint64_t>>(*request.memory);
            auto* bytes = reinterpret_cast<unsigned char*>(damaged.memory->data());
            bytes[bit / 8] = static_cast<unsigned char>(bytes[bit / 8] ^ (1U << (bit % 8)));
            rig_.send(peer, damaged);
            ASSERT_TRUE(rig_.run_until([&] { return peer.requests_in_flight == 0; }))
                    << "API " << request.header.api << " bit " << bit;
        }
        peer.answers.clear();
    }
    EXPECT_EQ(rig_.ask(peer, metadata_request({})).error(), 0);
}

TEST_F(SessionTest, DescribesTheCluster) {
    auto& peer = rig_.connect();
    static_cast<void>(create(rig_, peer, "orders", 3));
    const auto answer = rig_.ask(
            peer,
            request_of(wire::Api::describe_cluster, [](flatbuffers::FlatBufferBuilder& builder) {
                return wire::CreateDescribeClusterRequest(builder);
            }));
    const auto* response = answer.as<wire::DescribeClusterResponse>();
    ASSERT_NE(response, nullptr);
    EXPECT_EQ(response->io()->str(), "simulated");
    EXPECT_EQ(response->topics(), 1U);
    EXPECT_EQ(response->partitions(), 3U);
    EXPECT_EQ(response->brokers()->Get(0)->id(), 1);
}

TEST_F(SessionTest, FindsOffsetsByPlaceAndByTime) {
    auto& peer = rig_.connect();
    const engine::PartitionKey key{create(rig_, peer, "orders", 1), 0};
    for (const std::int64_t time : {1'000, 3'000, 2'000}) {
        static_cast<void>(rig_.ask(peer, produce_request({{key, batch_of({"a", "b"}, time)}})));
    }
    const auto find = [&](std::int64_t timestamp) {
        const auto answer = rig_.ask(peer, list_offsets_request(key, timestamp));
        const auto* row = answer.as<wire::ListOffsetsResponse>()->partitions()->Get(0);
        EXPECT_EQ(row->error(), 0);
        EXPECT_EQ(row->high_watermark(), 6);
        EXPECT_GT(row->size_bytes(), 0U);
        return std::pair(row->offset(), row->timestamp());
    };
    EXPECT_EQ(find(-1), std::pair(std::int64_t{6}, std::int64_t{-1}));
    EXPECT_EQ(find(-2), std::pair(std::int64_t{0}, std::int64_t{-1}));
    EXPECT_EQ(find(-3), std::pair(std::int64_t{2}, std::int64_t{3'000}));
    EXPECT_EQ(find(0), std::pair(std::int64_t{0}, std::int64_t{1'000}));
    EXPECT_EQ(find(1'001), std::pair(std::int64_t{2}, std::int64_t{3'000}));
    EXPECT_EQ(find(3'001), std::pair(std::int64_t{-1}, std::int64_t{-1}));
}

}  // namespace

}  // namespace millrace::testing
