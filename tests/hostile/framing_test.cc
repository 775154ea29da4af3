// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Frames that are wrong by themselves: lengths, headers, numbers, other protocols.
#include "broker/config/config_keys.h"
#include "tests/hostile/hostile_fixture.h"

#include <gmock/gmock.h>

#include <limits>

namespace millrace::testing {
namespace {

using ::testing::HasSubstr;
using wire::ErrorCode;

// A bare header of that length, right in everything else.
std::vector<std::byte> header_of_length(std::uint32_t frame_bytes) {
    return bytes_of({.frame_bytes = frame_bytes,
                     .api = static_cast<std::uint16_t>(wire::Api::describe_cluster),
                     .api_version = 1,
                     .correlation_id = 7});
}

RequestFrame bare_frame(std::uint16_t api, std::uint16_t version = 1) {
    auto frame = make_frame(wire::Api::hello, {}, {});
    frame.header.api = api;
    frame.header.api_version = version;
    return frame;
}

// A bare header, spoiled in one place.
std::vector<std::byte> header_with(void (*change)(wire::FrameHeader& header)) {
    auto header = bare_frame(static_cast<std::uint16_t>(wire::Api::hello)).header;
    change(header);
    return bytes_of(header);
}

std::vector<std::byte> text(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

TEST_F(Hostile, Framing_01_ZeroLength) {
    expect_stream_refused(std::vector<std::byte>(4), "the frame is shorter than its header");
    expect_stream_refused(header_of_length(0), "the frame is shorter than its header");
}

TEST_F(Hostile, Framing_02_LengthBelowTheHeaders) {
    for (std::uint32_t length = 1; length <= 19; ++length) {
        SCOPED_TRACE(length);
        expect_stream_refused(header_of_length(length), "the frame is shorter than its header");
    }
}

TEST_F(Hostile, Framing_03_LengthMax) {
    for (const std::uint32_t length : {0xFFFF'FFFFU, 0xFFFF'FFFCU, 0x7FFF'FFFCU}) {
        SCOPED_TRACE(length);
        expect_stream_refused(header_of_length(length), "larger than the connection may send");
    }
}

// Lengths have no sign: what was meant to be below zero is above every limit.
TEST_F(Hostile, Framing_04_NegativeLength) {
    for (const std::int32_t length : {-1, -4, -20, -24, std::numeric_limits<std::int32_t>::min()}) {
        SCOPED_TRACE(length);
        expect_stream_refused(header_of_length(static_cast<std::uint32_t>(length)),
                              "larger than the connection may send");
    }
}

// Refused with the length's own four bytes: nothing of the frame is waited for.
TEST_F(Hostile, Framing_05_LengthAboveTheCap) {
    auto client = dial();
    const auto limit = hello_response(client.ask(hello_request())).request_bytes_max;
    ASSERT_GE(limit, wire::kFrameBytesMaxBeforeAuthentication);
    for (const auto length : {limit / 8 * 8 + 4, wire::kFrameBytesCap + 4}) {
        SCOPED_TRACE(length);
        const auto header = header_of_length(length);
        expect_stream_refused(engine::Bytes(header).first(4),
                              "larger than the connection may send");
    }
    const auto early = header_of_length(wire::kFrameBytesMaxBeforeAuthentication + 4);
    auto stranger = dial();
    stranger.write(engine::Bytes(early).first(4));
    EXPECT_TRUE(stranger.closed_in_silence());
    // After hello the same length is one of many: the broker waits for the rest.
    client.write(early);
    expect_honest_service();
    EXPECT_TRUE(client.read_ready().empty());
}

TEST_F(Hostile, Framing_11_BadMagic) {
    for (const auto magic : std::vector<std::uint16_t>{0x0000, 0x4D52, 0x524C, 0xFFFF}) {
        SCOPED_TRACE(magic);
        auto header = bare_frame(1).header;
        header.magic = magic;
        expect_stream_refused(bytes_of(header), "the frame has the wrong magic");
    }
}

TEST_F(Hostile, Framing_12_UnknownVersion) {
    for (const auto version : std::vector<std::uint8_t>{0, 2, 255}) {
        SCOPED_TRACE(unsigned{version});
        auto header = bare_frame(1).header;
        header.version = version;
        expect_stream_refused(bytes_of(header), "the frame has an unknown version");
    }
    for (const auto version : std::vector<std::uint16_t>{0, 2, 0xFFFF}) {
        SCOPED_TRACE(version);
        for (const auto api : {wire::Api::metadata, wire::Api::produce, wire::Api::fetch}) {
            expect_refused(bare_frame(static_cast<std::uint16_t>(api), version),
                           ErrorCode::unsupported_version);
        }
        // The answer to hello says in its own layout what is spoken; nobody is let in by it.
        auto client = dial();
        auto hello = hello_request();
        hello.header.api_version = version;
        const auto response = hello_response(client.ask(hello));
        EXPECT_EQ(name_of(response.error), "unsupported_version");
        EXPECT_GT(response.api_count, 0U);
        EXPECT_EQ(error_of(client.ask(metadata_request({}))), "authentication_required");
    }
}

TEST_F(Hostile, Framing_13_UnknownApi) {
    for (const auto api :
         std::vector<std::uint16_t>{0, 3, 9, 14, 27, 36, 41, 255, 256, 0x8000, 0xFFFF}) {
        SCOPED_TRACE(api);
        expect_refused(bare_frame(api), ErrorCode::unsupported_api);
    }
    for (const auto api : {wire::Api::authenticate}) {
        expect_refused(bare_frame(static_cast<std::uint16_t>(api)), ErrorCode::unsupported_api);
    }
}

TEST_F(Hostile, Framing_14_ReservedBits) {
    for (unsigned bit = 2; bit < 8; ++bit) {
        SCOPED_TRACE(bit);
        auto header = bare_frame(1).header;
        header.flags = static_cast<std::uint8_t>(1U << bit);
        expect_stream_refused(bytes_of(header), "the frame has unknown flags");
    }
    for (unsigned bit = 0; bit < 32; bit += 31) {
        SCOPED_TRACE(bit);
        auto header = bare_frame(1).header;
        header.reserved = 1U << bit;
        expect_stream_refused(bytes_of(header), "reserved field is not zero");
    }
    expect_stream_refused(header_with([](auto& header) { header.table_bytes = 4; }),
                          "table is not a multiple of 8 bytes");
    expect_stream_refused(header_with([](auto& header) { header.table_bytes = (1U << 20) + 8; }),
                          "table is too large");
    expect_stream_refused(header_with([](auto& header) { header.table_bytes = 8; }),
                          "table is longer than the frame");

    auto hello = hello_request();
    reinterpret_cast<std::byte*>(hello.memory->data())[4] = std::byte{1};
    auto client = dial();
    EXPECT_EQ(name_of(hello_response(client.ask(hello)).error), "malformed_request");
    EXPECT_EQ(error_of(client.ask(metadata_request({}))), "authentication_required");

    auto one_way = metadata_request({});
    one_way.header.flags = wire::kFlagOneWay;
    expect_refused(one_way, ErrorCode::malformed_request);

    auto awaited = produce_request({{victim(), batch_of({"x"})}});
    awaited.header.flags = wire::kFlagOneWay;
    expect_refused(awaited, ErrorCode::malformed_request);
}

TEST_F(Hostile, Framing_16_ResponseSentAsARequest) {
    auto header = produce_request({{victim(), batch_of({"x"})}}).header;
    header.flags = wire::kFlagResponse;
    expect_stream_refused(bytes_of(header), "the frame is a response, not a request");
    header.flags = wire::kFlagResponse | wire::kFlagOneWay;
    expect_stream_refused(bytes_of(header), "the frame is a response, not a request");
}

TEST_F(Hostile, Framing_17_OtherProtocols) {
    expect_stream_refused(text("GET / HTTP/1.1\r\nHost: millrace\r\n\r\n"), "looks like HTTP");
    expect_stream_refused(text("POST /topics HTTP/1.1\r\n\r\n"), "looks like HTTP");
    expect_stream_refused(text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "looks like HTTP");
    constexpr std::string_view kTlsHello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
    expect_stream_refused(text(kTlsHello), "looks like TLS");
    constexpr std::string_view kKafka("\0\0\0\x18\0\x12\0\x03\0\0\0\x01\0\x04test", 18);
    expect_stream_refused(text(kKafka), "looks like a Kafka client");
    expect_stream_refused(text("SSH-2.0-OpenSSH_9.2\r\n"), "larger than the connection may send");

    // Plain text on a TLS port cannot be: no listener has TLS, and no setting could give it any.
    for (const auto& key : broker::config_keys()) {
        EXPECT_THAT(std::string(key.name), Not(AnyOf(HasSubstr("tls"), HasSubstr("ssl"))));
    }
    EXPECT_EQ(broker::find_key("listener.client.tls"), nullptr);
}

}  // namespace
}  // namespace millrace::testing
