// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/net/connection.h"

#include "engine/arena.h"
#include "engine/base/payload_copy.h"
#include "tests/broker/net/loop_fixture.h"

#include <algorithm>
#include <sys/socket.h>
#include <unistd.h>

namespace millrace::broker {
namespace {

using std::chrono::seconds;

class ConnectionTest : public LoopTest {
protected:
    static std::vector<wire::FrameHeader> headers_of(engine::Bytes bytes) {
        std::vector<wire::FrameHeader> headers;
        while (bytes.size() >= wire::kFrameHeaderBytes) {
            headers.push_back(wire::load_frame_header(bytes.first<wire::kFrameHeaderBytes>()));
            if (headers.back().total_bytes() > bytes.size()) break;
            bytes = bytes.subspan(headers.back().total_bytes());
        }
        return headers;
    }

    static bool equals(const IncomingFrame& frame, const std::vector<std::byte>& sent) {
        const auto body = engine::Bytes(sent).subspan(wire::kFrameHeaderBytes);
        return reinterpret_cast<std::uintptr_t>(frame.table.data()) % 8 == 0 &&
               std::ranges::equal(frame.table, body.first(frame.table.size())) &&
               std::ranges::equal(frame.payload, body.subspan(frame.table.size()));
    }
};

TEST_F(ConnectionTest, DeliversAFrameHoweverItIsCut) {
    start();
    const int client = connect();
    const auto sent = request(7, 16, 24);
    for (std::size_t at = 0; at < sent.size(); ++at) {
        EXPECT_TRUE(handler_.requests.empty());
        write(client, engine::Bytes(sent).subspan(at, 1));
    }
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 1; }));
    EXPECT_EQ(handler_.requests[0].frame.header.correlation_id, 7U);
    EXPECT_TRUE(equals(handler_.requests[0].frame, sent));
    handler_.answer("");
}

TEST_F(ConnectionTest, DeliversManyFramesOfOneRead) {
    start();
    const int client = connect();
    std::vector<std::byte> run;
    for (std::uint32_t number = 0; number < 200; ++number) {
        const auto frame = request(number, 8 * (number % 5), 8 * (number % 7));
        run.insert(run.end(), frame.begin(), frame.end());
    }
    write(client, run);
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 200; }));
    for (std::uint32_t number = 0; number < 200; ++number) {
        EXPECT_TRUE(equals(handler_.requests[number].frame,
                           request(number, 8 * (number % 5), 8 * (number % 7))));
    }
}

TEST_F(ConnectionTest, DeliversFramesOfAllSizesWholeAndAligned) {
    start({.requests_in_flight_max = 10'000, .bytes_in_flight_max = 1U << 30}, 256 << 20);
    const int client = connect();
    std::vector<std::vector<std::byte>> frames;
    std::vector<std::byte> stream;
    for (const std::uint32_t kib : {1, 63, 64, 65, 3, 300, 1000, 2, 1, 57, 5000, 40, 40, 40, 200}) {
        frames.push_back(request(kib, 8 * (kib % 9), kib * 1024));
        stream.insert(stream.end(), frames.back().begin(), frames.back().end());
    }
    write(client, stream);
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == frames.size(); }));
    for (std::size_t at = 0; at < frames.size(); ++at) {
        EXPECT_TRUE(equals(handler_.requests[at].frame, frames[at])) << at;
    }
}

TEST_F(ConnectionTest, ReadsARunOfLargeFramesWithoutCopyingTheirPayload) {
    start({.bytes_in_flight_max = 1U << 30}, 256 << 20);
    const int client = connect();
    write(client, request(1, 8, 300 << 10));
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 1; }));
    const auto before = engine::payload_copies();
    for (std::uint32_t number = 2; number < 12; ++number)
        write(client, request(number, 8, 300 << 10));
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 11; }));
    EXPECT_EQ(engine::payload_copies().bytes, before.bytes);
}

TEST_F(ConnectionTest, AnswersInTheOrderOfTheAnswersAndPadsThem) {
    start();
    const int client = connect();
    for (std::uint32_t number = 1; number <= 3; ++number)
        write(client, request(number, 0, 0));
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 3; }));
    std::swap(handler_.requests[0], handler_.requests[2]);
    for (const auto* text : {"a", "eight by", "nine byte"})
        handler_.answer(text);
    turn();
    const auto answers = read(client);
    const auto headers = headers_of(answers);
    ASSERT_EQ(headers.size(), 3U);
    EXPECT_EQ(headers[0].correlation_id, 3U);
    EXPECT_EQ(headers[1].correlation_id, 2U);
    EXPECT_EQ(headers[2].correlation_id, 1U);
    EXPECT_EQ(headers[0].flags, wire::kFlagResponse);
    EXPECT_EQ(headers[0].frame_bytes, 28U);
    EXPECT_EQ(headers[1].frame_bytes, 28U);
    EXPECT_EQ(headers[2].frame_bytes, 36U);
    EXPECT_EQ(answers[24], std::byte{'a'});
    EXPECT_EQ(answers[25], std::byte{0});
}

TEST_F(ConnectionTest, SendsPayloadFromWhereItLiesAndLetsItGo) {
    start();
    const int client = connect();
    write(client, request(1, 0, 0));
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 1; }));
    engine::Arena arena(8 << 20);
    std::vector<engine::Slice> slices;
    for (int piece = 0; piece < 100; ++piece) {
        auto buffer = arena.allocate(4096);
        std::fill_n(buffer->data, 4096, static_cast<std::byte>(piece));
        const auto* data = buffer->data;
        slices.push_back({.buffer = std::move(buffer), .data = data, .size = 1000});
    }
    slices.push_back({.buffer = slices[0].buffer, .data = slices[0].data, .size = 3});
    handler_.requests.front().peer->send({}, {}, slices);
    slices.clear();
    EXPECT_GT(arena.bytes_in_use(), 0U);
    std::vector<std::byte> answer;
    ASSERT_TRUE(turn_until([&] {
        const auto part = read(client);
        answer.insert(answer.end(), part.begin(), part.end());
        return answer.size() == 24 + 100'008;
    }));
    EXPECT_EQ(headers_of(answer)[0].frame_bytes, 20U + 100'008);
    for (std::size_t at = 0; at < 100'000; ++at) {
        ASSERT_EQ(answer[24 + at], static_cast<std::byte>(at / 1000)) << at;
    }
    EXPECT_EQ(answer.back(), std::byte{0});
    EXPECT_EQ(arena.bytes_in_use(), 0U);
}

TEST_F(ConnectionTest, TakesLargeFramesFromTheFrameThatAuthenticatedItOn) {
    start();
    const int client = connect_tcp();
    auto both = request(1, 0, 0);
    const auto large = request(2, 64, 200'000);
    both.insert(both.end(), large.begin(), large.end());
    write(client, both);
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 2; }));
    EXPECT_TRUE(equals(handler_.requests[1].frame, large));
}

TEST_F(ConnectionTest, TellsItsHandlerWhenAnswersHaveDrained) {
    start();
    const int client = connect();
    for (std::uint32_t number = 0; number < 2; ++number)
        write(client, request(number, 0, 0));
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 2; }));
    const std::string large(16 << 20, 'x');
    handler_.answer(large);
    turn();
    EXPECT_EQ(handler_.drained_count, 0U);
    EXPECT_GT(handler_.peers[0]->unsent_bytes(), 1U << 20);
    std::size_t bytes = 0;
    EXPECT_TRUE(turn_until([&] { return (bytes += read(client).size()) == large.size() + 24; }));
    EXPECT_EQ(handler_.drained_count, 1U);
    handler_.answer("small");
    turn();
    EXPECT_EQ(handler_.drained_count, 1U);
}

TEST_F(ConnectionTest, AnswersAPeerThatHasClosedItsOwnSide) {
    start();
    const int client = connect();
    write(client, request(1, 0, 0));
    shutdown(client, SHUT_WR);
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 1; }));
    EXPECT_EQ(handler_.closed_count, 0U);
    handler_.answer("late");
    EXPECT_TRUE(turn_until([&] { return handler_.closed_count == 1; }));
    EXPECT_EQ(headers_of(read(client)).size(), 1U);
    EXPECT_TRUE(closed_with("the peer closed"));
    EXPECT_EQ(events_.warnings, 0U);
}

TEST_F(ConnectionTest, NoticesAResetWithRequestsInFlight) {
    start();
    const int client = connect();
    write(client, request(1, 0, 0));
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 1; }));
    const linger hard{.l_onoff = 1, .l_linger = 0};
    setsockopt(client, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(client);
    std::erase(clients_, client);
    EXPECT_TRUE(turn_until([&] { return handler_.closed_count == 1; }));
    EXPECT_TRUE(handler_.requests.empty());
}

TEST_F(ConnectionTest, SendsWhatIsQueuedBeforeItClosesWhenAsked) {
    start();
    const int client = connect();
    write(client, request(1, 0, 0));
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 1; }));
    auto* peer = handler_.requests[0].peer;
    const std::string large(4 << 20, 'x');
    handler_.answer(large);
    peer->close("enough", true);
    peer->send({}, {}, {});  // Into the void.
    std::size_t bytes = 0;
    EXPECT_TRUE(turn_until([&] {
        bytes += read(client).size();
        return at_end(client);
    }));
    EXPECT_EQ(bytes + read(client).size(), large.size() + 24);
}

TEST_F(ConnectionTest, HintsAtForeignProtocolsInTheReason) {
    start();
    const int client = connect_tcp();
    const std::string_view text = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    write(client, std::as_bytes(std::span(text)));
    EXPECT_TRUE(turn_until([&] { return at_end(client); }));
    EXPECT_TRUE(closed_with("looks like HTTP"));
}

TEST_F(ConnectionTest, NamesItsEnds) {
    start();
    static_cast<void>(connect());
    static_cast<void>(connect_unix());
    turn();
    auto* tcp = handler_.peers[0];
    EXPECT_EQ(tcp->local_host(), "127.0.0.1");
    EXPECT_GT(tcp->local_port(), 0);
    EXPECT_EQ(tcp->listener_name(), "client");
    EXPECT_TRUE(tcp->remote_name().starts_with("127.0.0.1:"));
    auto* local = handler_.peers[1];
    EXPECT_EQ(local->local_host(), "");
    EXPECT_EQ(local->remote_name(), "unix uid " + std::to_string(geteuid()));
}

}  // namespace
}  // namespace millrace::broker
