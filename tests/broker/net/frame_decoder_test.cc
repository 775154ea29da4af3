// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/net/frame_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace millrace::broker {
namespace {

using ::testing::HasSubstr;

constexpr std::uint32_t kLimit = 1 << 20;

std::vector<std::byte> frame_of(wire::FrameHeader header,
                                std::uint32_t table,
                                std::uint32_t payload) {
    header.table_bytes = table;
    header.frame_bytes = wire::kFrameBytesMin + table + payload;
    std::vector<std::byte> bytes(header.total_bytes());
    for (std::size_t at = wire::kFrameHeaderBytes; at < bytes.size(); ++at)
        bytes[at] = static_cast<std::byte>(at);
    wire::store_frame_header(header, std::span(bytes).first<wire::kFrameHeaderBytes>());
    return bytes;
}

std::string fault_of(const wire::FrameHeader& header) {
    std::vector<std::byte> bytes(64);
    wire::store_frame_header(header, std::span(bytes).first<wire::kFrameHeaderBytes>());
    const auto frame = decode_frame(bytes, kLimit);
    return frame.status == DecodeStatus::malformed ? std::string(frame.reason) : "";
}

engine::Bytes as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

TEST(FrameDecoder, FindsTableAndPayloadWhereTheyLie) {
    const auto bytes = frame_of({.api = 30, .correlation_id = 7}, 16, 40);
    const auto frame = decode_frame(bytes, kLimit);
    ASSERT_EQ(frame.status, DecodeStatus::whole);
    EXPECT_EQ(frame.header.api, 30);
    EXPECT_EQ(frame.header.correlation_id, 7U);
    EXPECT_EQ(frame.table.data(), bytes.data() + 24);
    EXPECT_EQ(frame.table.size(), 16U);
    EXPECT_EQ(frame.payload.data(), bytes.data() + 40);
    EXPECT_EQ(frame.payload.size(), 40U);
    EXPECT_EQ(frame.needed_bytes, bytes.size());
}

TEST(FrameDecoder, WaitsAtEveryByteAndSaysHowManyItNeeds) {
    const auto bytes = frame_of({}, 8, 16);
    for (std::size_t arrived = 0; arrived < bytes.size(); ++arrived) {
        const auto frame = decode_frame(std::span(bytes).first(arrived), kLimit);
        ASSERT_EQ(frame.status, DecodeStatus::incomplete) << arrived;
        EXPECT_EQ(frame.needed_bytes, arrived < 24 ? 24 : bytes.size()) << arrived;
    }
    EXPECT_EQ(decode_frame(bytes, kLimit).status, DecodeStatus::whole);
}

TEST(FrameDecoder, IgnoresTheFrameThatFollows) {
    auto bytes = frame_of({}, 0, 8);
    const auto size = bytes.size();
    bytes.resize(size + 100, std::byte{0xff});
    const auto frame = decode_frame(bytes, kLimit);
    ASSERT_EQ(frame.status, DecodeStatus::whole);
    EXPECT_EQ(frame.needed_bytes, size);
    EXPECT_EQ(frame.payload.size(), 8U);
}

TEST(FrameDecoder, TakesABareHeader) {
    EXPECT_EQ(decode_frame(frame_of({}, 0, 0), kLimit).status, DecodeStatus::whole);
}

TEST(FrameDecoder, ChecksTheLengthAgainstTheLimitWithItsFirstFourBytes) {
    const auto status_of = [](std::uint32_t length, std::uint32_t limit) {
        std::byte bytes[4];
        std::memcpy(bytes, &length, 4);
        return decode_frame(bytes, limit).status;
    };
    EXPECT_EQ(status_of(kLimit - 4, kLimit), DecodeStatus::incomplete);
    EXPECT_EQ(status_of(kLimit + 4, kLimit), DecodeStatus::malformed);
    EXPECT_EQ(status_of(0xfffffffc, 0xffffffff), DecodeStatus::malformed);
    EXPECT_EQ(status_of(wire::kFrameBytesCap + 4, 0xffffffff), DecodeStatus::malformed);
    for (std::uint32_t length = 0; length < wire::kFrameBytesMin; ++length) {
        EXPECT_EQ(status_of(length, kLimit), DecodeStatus::malformed) << length;
    }
    EXPECT_EQ(status_of(21, kLimit), DecodeStatus::malformed);
    EXPECT_EQ(status_of(28, kLimit), DecodeStatus::incomplete);
}

TEST(FrameDecoder, RefusesWrongHeaders) {
    EXPECT_EQ(fault_of({}), "");
    EXPECT_EQ(fault_of({.flags = wire::kFlagOneWay}), "");
    EXPECT_THAT(fault_of({.magic = 0x4d52}), HasSubstr("magic"));
    EXPECT_THAT(fault_of({.version = 0}), HasSubstr("version"));
    EXPECT_THAT(fault_of({.version = 2}), HasSubstr("version"));
    EXPECT_THAT(fault_of({.flags = 4}), HasSubstr("flags"));
    EXPECT_THAT(fault_of({.flags = wire::kFlagResponse}), HasSubstr("response"));
    EXPECT_THAT(fault_of({.reserved = 1}), HasSubstr("reserved"));
    EXPECT_THAT(fault_of({.table_bytes = 8}), HasSubstr("longer than the frame"));
    EXPECT_THAT(fault_of({.frame_bytes = 60, .table_bytes = 9}), HasSubstr("multiple of 8"));
    EXPECT_THAT(fault_of({.frame_bytes = 60, .table_bytes = 0xfffffff8}), HasSubstr("too large"));
}

TEST(FrameDecoder, TellsForeignProtocolsApart) {
    EXPECT_THAT(protocol_hint(as_bytes("GET / HTTP/1.1\r\n")), HasSubstr("HTTP"));
    EXPECT_THAT(protocol_hint(as_bytes("\x16\x03\x01\x02")), HasSubstr("TLS"));
    const std::string kafka("\0\0\0\x23\0\x12\0\x03", 8);
    EXPECT_THAT(protocol_hint(as_bytes(kafka)), HasSubstr("Kafka"));
    EXPECT_EQ(protocol_hint(as_bytes("hello world")), "");
    EXPECT_EQ(protocol_hint({}), "");
}

TEST(FrameDecoder, SurvivesRandomBytes) {
    std::uint64_t state = 0x9e3779b97f4a7c15;
    for (int round = 0; round < 20'000; ++round) {
        auto bytes = frame_of({}, 8, 24);
        for (int change = 0; change < 3; ++change) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            bytes[(state >> 33) % bytes.size()] = static_cast<std::byte>(state >> 56);
        }
        const auto arrived = std::span(bytes).first((state >> 40) % (bytes.size() + 1));
        const auto frame = decode_frame(arrived, kLimit);
        if (frame.status == DecodeStatus::whole) {
            ASSERT_LE(frame.needed_bytes, arrived.size());
            ASSERT_EQ(24 + frame.table.size() + frame.payload.size(), frame.needed_bytes);
        }
        static_cast<void>(protocol_hint(arrived));
    }
}

}  // namespace
}  // namespace millrace::broker
