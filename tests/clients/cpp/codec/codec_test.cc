// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Answers that may say anything: every decoder takes them or refuses them, and stays in bounds.
#include "codec/configs.h"
#include "codec/data.h"
#include "codec/hello.h"
#include "codec/metadata.h"
#include "codec/offsets.h"
#include "codec/table.h"
#include "codec/topics.h"
#include "schemas/configs_generated.h"
#include "schemas/fetch_generated.h"
#include "schemas/metadata_generated.h"
#include "schemas/offsets_generated.h"
#include "schemas/produce_generated.h"
#include "schemas/topics_generated.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <random>

namespace millrace::detail {
namespace {

using Builder = flatbuffers::FlatBufferBuilder;

// A response in memory of exactly its size, so that a sanitizer sees every step outside.
class Answer {
public:
    explicit Answer(const Builder& builder, std::vector<std::byte> payload = {}) {
        const auto* data = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
        std::vector<std::byte> table(data, data + builder.GetSize());
        table.resize(wire::padded(builder.GetSize()));
        set(std::move(table), std::move(payload));
    }

    Answer(std::vector<std::byte> table, std::vector<std::byte> payload) {
        set(std::move(table), std::move(payload));
    }

    const Response& operator*() const { return response_; }

    [[nodiscard]] const std::vector<std::byte>& table() const { return table_; }

    [[nodiscard]] const std::vector<std::byte>& payload() const { return payload_; }

private:
    void set(std::vector<std::byte> table, std::vector<std::byte> payload) {
        table_ = std::move(table);
        payload_ = std::move(payload);
        response_.table = table_;
        response_.payload = payload_;
        response_.header.table_bytes = static_cast<std::uint32_t>(table_.size());
    }

    std::vector<std::byte> table_;
    std::vector<std::byte> payload_;
    Response response_;
};

const std::vector<ProduceRow> kProduceRows{{Uuid{{1}}, 0, 100}, {Uuid{{1}}, 1, 100}};
const std::vector<OffsetRow> kOffsetRows{{Uuid{{1}}, 0, -1}};
const std::vector<std::string> kNames{"a"};

Answer produced(std::uint32_t second_partition = 1, std::int64_t offset = 7) {
    Builder builder;
    std::vector<wire::ProducedPartition> rows;
    rows.emplace_back(to_wire(Uuid{{1}}), 0U, std::uint16_t{0}, std::uint16_t{0}, offset, -1, 0);
    rows.emplace_back(
            to_wire(Uuid{{1}}), second_partition, std::uint16_t{44}, std::uint16_t{0}, -1, -1, 0);
    const auto partitions = builder.CreateVectorOfStructs(rows);
    const auto message = wire::CreateRowMessageDirect(builder, 1, "no space");
    const auto messages = builder.CreateVector(&message, 1);
    builder.Finish(wire::CreateProduceResponse(builder, 0, 0, 0, partitions, messages));
    return Answer(builder);
}

Answer fetched(std::uint32_t first_bytes, std::uint32_t second_bytes, std::size_t payload_bytes) {
    Builder builder;
    std::vector<wire::FetchedPartition> rows;
    for (const auto bytes : {first_bytes, second_bytes}) {
        rows.emplace_back(
                to_wire(Uuid{{1}}), 0U, std::uint16_t{0}, std::uint16_t{0}, 10, 0, -1, -1, bytes);
    }
    const auto partitions = builder.CreateVectorOfStructs(rows);
    builder.Finish(wire::CreateFetchResponse(builder, 0, 0, 0, 5, 1, partitions));
    return Answer(builder, std::vector<std::byte>(payload_bytes));
}

Answer topics_of(std::uint32_t second_number) {
    Builder builder;
    std::vector<wire::PartitionInfo> rows;
    rows.emplace_back(0U, 0, 0, std::uint16_t{0}, std::uint16_t{0});
    rows.emplace_back(second_number, 0, 0, std::uint16_t{0}, std::uint16_t{0});
    const auto partitions = builder.CreateVectorOfStructs(rows);
    const auto id = to_wire(Uuid{{1}});
    const auto topic =
            wire::CreateTopicInfo(builder, 0, 0, &id, builder.CreateString("a"), partitions);
    const auto topics = builder.CreateVector(&topic, 1);
    builder.Finish(wire::CreateMetadataResponse(builder, 0, 0, 0, nullptr, 0, 0, topics));
    return Answer(builder);
}

Answer configs() {
    Builder builder;
    const auto entry = wire::CreateConfigEntryDirect(
            builder, "k", "v", wire::ConfigSource::topic, "d", false, "text");
    const auto entries = builder.CreateVector(&entry, 1);
    const auto resource =
            wire::CreateDescribedResource(builder, 0, 0, wire::ResourceKind::topic, 0, entries);
    const auto resources = builder.CreateVector(&resource, 1);
    builder.Finish(wire::CreateDescribeConfigsResponse(builder, 0, 0, 0, resources));
    return Answer(builder);
}

Answer outcomes() {
    Builder builder;
    const auto result = wire::CreateTopicResultDirect(builder, 22, "there", "a");
    const auto results = builder.CreateVector(&result, 1);
    builder.Finish(wire::CreateCreateTopicsResponse(builder, 0, 0, 0, results));
    return Answer(builder);
}

Answer listed() {
    Builder builder;
    std::vector<wire::ListedOffset> rows;
    rows.emplace_back(
            to_wire(Uuid{{1}}), 0U, std::uint16_t{0}, std::uint16_t{0}, 5, -1, 0, 9, 100U, 0, 0U);
    const auto partitions = builder.CreateVectorOfStructs(rows);
    builder.Finish(wire::CreateListOffsetsResponse(builder, 0, 0, 0, partitions));
    return Answer(builder);
}

template <class T>
bool violates(const Result<T>& result) {
    return !result && result.error().code == ErrorCode::protocol_violation;
}

TEST(Codec, ReadsWhatABrokerSays) {
    const auto rows = decode_produce(*produced(), kProduceRows);
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ((*rows)[0].base_offset, 7);
    EXPECT_EQ((*rows)[1].error.code, ErrorCode::storage_full);
    EXPECT_EQ((*rows)[1].error.message, "no space");
    const auto data = decode_fetch(*fetched(100, 60, 160));
    ASSERT_TRUE(data);
    EXPECT_EQ(data->partitions[1].payload_begin, 100U);
    EXPECT_EQ(data->session_id, 5U);
    EXPECT_TRUE(decode_metadata(*topics_of(1)));
    EXPECT_EQ(decode_describe_configs(*configs())->front().value, "v");
    EXPECT_EQ(decode_create_topics(*outcomes(), kNames)->front().error.code,
              ErrorCode::topic_exists);
    EXPECT_EQ(decode_list_offsets(*listed(), kOffsetRows)->front().high_watermark, 9);
}

TEST(Codec, GivesTheErrorOfTheWholeResponse) {
    Builder builder;
    builder.Finish(wire::CreateResponseHeadDirect(builder, 7, "later"));
    const auto refused = decode_fetch(*Answer(builder));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::throttled);
    EXPECT_EQ(refused.error().message, "later");
}

TEST(Codec, RefusesAnswersToOtherQuestions) {
    EXPECT_TRUE(violates(decode_produce(*produced(2), kProduceRows)));
    EXPECT_TRUE(violates(decode_produce(*produced(1, -3), kProduceRows)));
    EXPECT_TRUE(violates(decode_produce(*produced(), {kProduceRows.data(), 1})));
    EXPECT_TRUE(violates(decode_list_offsets(*listed(), {})));
    EXPECT_TRUE(violates(decode_create_topics(*outcomes(), {})));
    EXPECT_TRUE(violates(decode_metadata(*topics_of(2)))) << "partitions with a hole";
}

TEST(Codec, RefusesRangesThatDoNotMakeUpThePayload) {
    EXPECT_FALSE(violates(decode_fetch(*fetched(100, 53, 160)))) << "7 bytes of padding";
    EXPECT_TRUE(violates(decode_fetch(*fetched(100, 52, 160)))) << "8 bytes nobody owns";
    EXPECT_TRUE(violates(decode_fetch(*fetched(100, 61, 160))));
    EXPECT_TRUE(violates(decode_fetch(*fetched(0xffff'ffff, 0xffff'ffff, 160))));
}

// FlatBuffers' verifier looks at places within the table, not at where the table lies.
TEST(Codec, RefusesRowsThatAreNotAligned) {
    const auto answer = produced();
    std::vector<std::uint64_t> memory(answer.table().size() / 8 + 1);
    auto* shifted = reinterpret_cast<std::byte*>(memory.data()) + 4;
    std::ranges::copy(answer.table(), shifted);
    Response response = *answer;
    response.table = {shifted, answer.table().size()};
    EXPECT_TRUE(violates(decode_produce(response, kProduceRows)));
}

TEST(Codec, DoesNotCopyOneTextThousandsOfTimes) {
    Builder builder;
    const auto text = builder.CreateString(std::string(50'000, 'x'));
    std::vector<flatbuffers::Offset<wire::ConfigEntry>> entries;
    for (int i = 0; i < 5000; ++i)
        entries.push_back(wire::CreateConfigEntry(builder, text, text));
    const auto vector = builder.CreateVector(entries);
    const auto resource =
            wire::CreateDescribedResource(builder, 0, 0, wire::ResourceKind::topic, 0, vector);
    const auto resources = builder.CreateVector(&resource, 1);
    builder.Finish(wire::CreateDescribeConfigsResponse(builder, 0, 0, 0, resources));
    EXPECT_TRUE(violates(decode_describe_configs(*Answer(builder))));
}

TEST(Codec, StaysInBoundsOfAnyBytes) {
    const std::pair<Answer, std::function<void(const Response&)>> decoders[] = {
            {produced(),
             [](const Response& r) { static_cast<void>(decode_produce(r, kProduceRows)); }},
            {fetched(100, 60, 160), [](const Response& r) { static_cast<void>(decode_fetch(r)); }},
            {topics_of(1), [](const Response& r) { static_cast<void>(decode_metadata(r)); }},
            {configs(), [](const Response& r) { static_cast<void>(decode_describe_configs(r)); }},
            {outcomes(),
             [](const Response& r) { static_cast<void>(decode_create_topics(r, kNames)); }},
            {listed(),
             [](const Response& r) { static_cast<void>(decode_list_offsets(r, kOffsetRows)); }},
    };
    const auto seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    for (const auto& [answer, decode] : decoders) {
        for (int i = 0; i < 3000; ++i) {
            auto table = answer.table();
            const auto changes = 1 + random() % 4;
            for (unsigned change = 0; change < changes; ++change) {
                table[random() % table.size()] = static_cast<std::byte>(random());
            }
            if (random() % 4 == 0) table.resize(random() % (table.size() / 8 + 1) * 8);
            decode(*Answer(std::move(table), answer.payload()));
        }
    }
}

TEST(Hello, IsCutToWhatItCanCarryAndPadded) {
    const auto frame = encode_hello(std::string(500, 'n'), "1.2.3");
    EXPECT_EQ(frame.size() % 8, 0U);
    wire::HelloRequest fixed;
    std::memcpy(&fixed, frame.data() + wire::kFrameHeaderBytes, sizeof fixed);
    EXPECT_EQ(fixed.name_bytes, 128);
    EXPECT_EQ(fixed.version_bytes, 5);
}

TEST(Hello, IsRefusedWhenItIsShorterThanItSaysOrNamesImpossibleLimits) {
    wire::HelloResponse fixed;
    fixed.request_bytes_max = 1U << 20;
    fixed.requests_in_flight_max = 10;
    fixed.bytes_in_flight_max = 1U << 20;
    const auto decode = [](const wire::HelloResponse& greeting, std::size_t bytes) {
        std::vector<std::byte> payload(std::max(bytes, sizeof greeting));
        std::memcpy(payload.data(), &greeting, sizeof greeting);
        payload.resize(bytes);
        const Answer answer(std::vector<std::byte>{}, std::move(payload));
        auto response = *answer;
        response.header.api = static_cast<std::uint16_t>(wire::Api::hello);
        return decode_hello(response);
    };
    EXPECT_TRUE(decode(fixed, sizeof fixed));
    EXPECT_TRUE(violates(decode(fixed, sizeof fixed - 1)));
    auto wrong = fixed;
    wrong.api_count = 0xffff;
    EXPECT_TRUE(violates(decode(wrong, sizeof fixed)));
    wrong = fixed;
    wrong.requests_in_flight_max = 0;
    EXPECT_TRUE(violates(decode(wrong, sizeof fixed)));
    wrong = fixed;
    wrong.authentication = 1;
    EXPECT_EQ(decode(wrong, sizeof fixed).error().code, ErrorCode::authentication_required);
    wrong = fixed;
    wrong.error = 7;
    wrong.message_bytes = 8;
    EXPECT_EQ(decode(wrong, sizeof fixed + 8).error().code, ErrorCode::throttled);
}

}  // namespace
}  // namespace millrace::detail
