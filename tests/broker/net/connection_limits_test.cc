// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The bounds of a connection: requests, bytes, time and memory.
#include "broker/net/connection.h"
#include "tests/broker/net/loop_fixture.h"

#include <sys/socket.h>

namespace millrace::broker {
namespace {

using std::chrono::seconds;

using ConnectionLimitsTest = LoopTest;

TEST_F(ConnectionLimitsTest, StopsReadingAtItsRequestsInFlightAndGoesOn) {
    start({.requests_in_flight_max = 4});
    const int client = connect();
    for (std::uint32_t number = 0; number < 10; ++number)
        write(client, request(number, 0, 8));
    settle();
    EXPECT_EQ(handler_.requests.size(), 4U);
    for (std::uint32_t number = 0; number < 10; ++number) {
        ASSERT_TRUE(turn_until([&] { return !handler_.requests.empty(); }));
        EXPECT_EQ(handler_.requests.front().frame.header.correlation_id, number);
        handler_.answer("");
    }
}

TEST_F(ConnectionLimitsTest, StopsReadingAtItsBytesInFlight) {
    start({.bytes_in_flight_max = 100 << 10});
    const int client = connect();
    for (std::uint32_t number = 0; number < 10; ++number)
        write(client, request(number, 0, 40 << 10));
    settle();
    EXPECT_EQ(handler_.requests.size(), 3U);
    handler_.answer("");
    handler_.answer("");
    EXPECT_TRUE(turn_until([&] { return handler_.requests.size() == 3; }));
}

TEST_F(ConnectionLimitsTest, GoesOnWhenRequestsAreFinishedInsideTheHandler) {
    start({.requests_in_flight_max = 1});
    handler_.at_once = [](Peer& peer, IncomingFrame& frame) {
        peer.send({.correlation_id = frame.header.correlation_id}, {}, {});
        peer.finish_request(frame.header.frame_bytes);
    };
    const int client = connect_tcp();
    std::vector<std::byte> run;
    for (std::uint32_t number = 0; number < 500; ++number) {
        const auto frame = request(number, 0, 0);
        run.insert(run.end(), frame.begin(), frame.end());
    }
    write(client, run);
    std::size_t bytes = 0;
    EXPECT_TRUE(turn_until([&] { return (bytes += read(client).size()) == 500 * 24; }));
}

TEST_F(ConnectionLimitsTest, TakesOnlySmallFramesBeforeItIsAuthenticated) {
    start();
    handler_.authenticate = false;
    const int client = connect_tcp();
    write(client, request(1, 0, 4096 - wire::kFrameBytesMin - 4));
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 1; }));
    write(client, request(2, 0, 4104));
    EXPECT_TRUE(turn_until([&] { return at_end(client); }));
    EXPECT_TRUE(closed_with("larger than the connection may send"));
    EXPECT_EQ(handler_.closed_count, 1U);
    EXPECT_EQ(open_count_, 0U);
}

TEST_F(ConnectionLimitsTest, ClosesWithoutAHelloInTime) {
    start();
    handler_.authenticate = false;
    const int silent = connect_tcp();
    pass(seconds(9));
    EXPECT_FALSE(at_end(silent));
    pass(seconds(2));
    EXPECT_TRUE(turn_until([&] { return at_end(silent); }));
    EXPECT_TRUE(closed_with("no hello in time"));
}

TEST_F(ConnectionLimitsTest, KeepsAQuietConnectionButClosesAFrameThatStalls) {
    start();
    const int client = connect();
    pass(seconds(3600));
    EXPECT_FALSE(at_end(client));
    const auto frame = request(1, 8, 100'000);
    write(client, engine::Bytes(frame).first(50'000));
    pass(seconds(29));
    // One byte now and then is no progress.
    write(client, engine::Bytes(frame).subspan(50'000, 1));
    settle();
    pass(seconds(2));
    EXPECT_TRUE(turn_until([&] { return at_end(client); }));
    EXPECT_TRUE(closed_with("does not finish its frame"));
}

TEST_F(ConnectionLimitsTest, DoesNotBlameAClientForItsOwnPause) {
    start({.requests_in_flight_max = 1});
    const int client = connect();
    auto both = request(1, 0, 8);
    const auto second = request(2, 0, 64);
    both.insert(both.end(), second.begin(), second.end() - 8);
    write(client, both);
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 1; }));
    pass(seconds(120));
    EXPECT_FALSE(at_end(client));
    handler_.answer("");
    turn();
    pass(seconds(29));
    EXPECT_FALSE(at_end(client));
    write(client, engine::Bytes(second).last(8));
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 1; }));
    EXPECT_EQ(handler_.requests[0].frame.header.correlation_id, 2U);
}

TEST_F(ConnectionLimitsTest, ClosesAPeerThatDoesNotReadItsAnswers) {
    start();
    const int client = connect();
    write(client, request(1, 0, 0));
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 1; }));
    pass(seconds(100));  // The time it waited for us does not count.
    const std::string large(16 << 20, 'x');
    handler_.answer(large);
    turn();
    EXPECT_GT(responses_.used(), 0U);
    pass(seconds(29));
    EXPECT_EQ(handler_.closed_count, 0U);
    pass(seconds(2));
    EXPECT_TRUE(turn_until([&] { return handler_.closed_count == 1; }));
    EXPECT_TRUE(closed_with("does not read its answers"));
    EXPECT_EQ(responses_.used(), 0U);
}

TEST_F(ConnectionLimitsTest, ReadsOnOnceItsAnswersAreSentThoughOthersUseUpTheBudget) {
    start();
    const int slow = connect();
    write(slow, request(1, 0, 0));
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 1; }));
    handler_.answer(std::string(80 << 20, 'x'));
    turn();
    ASSERT_TRUE(responses_.exhausted());
    handler_.at_once = [](Peer& peer, IncomingFrame& frame) {
        peer.send({.correlation_id = frame.header.correlation_id}, {}, {});
        peer.finish_request(frame.header.frame_bytes);
    };
    const int quick = connect_tcp();
    for (std::uint32_t number = 0; number < 5; ++number) {
        write(quick, request(number, 0, 0));
        ASSERT_TRUE(turn_until([&] { return !read(quick).empty(); })) << number;
    }
}

TEST_F(ConnectionLimitsTest, DoesNotLogAFloodOfBadConnections) {
    start();
    for (int number = 0; number < 100; ++number) {
        const int client = connect_unix();
        write(client, std::vector<std::byte>(64, std::byte{0xee}));
    }
    EXPECT_TRUE(turn_until([&] { return handler_.closed_count == 100; }));
    EXPECT_EQ(events_.warnings, 20U);
}

TEST_F(ConnectionLimitsTest, WaitsForMemoryAndGoesOnWhenSomeIsBack) {
    start({}, 1 << 20);
    const int first = connect();
    const int second = connect();
    write(first, request(1, 0, 800 << 10));
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 1; }));
    const auto large = request(2, 0, 700 << 10);
    std::size_t sent = 0;
    const auto push = [&] {
        const auto count = send(second, large.data() + sent, large.size() - sent, MSG_NOSIGNAL);
        if (count > 0) sent += static_cast<std::size_t>(count);
    };
    // It finishes beyond the budget, as the only one that may.
    EXPECT_TRUE(turn_until([&] {
        push();
        return handler_.requests.size() == 2;
    }));
    EXPECT_GT(budget_->used(), 1U << 20);
    const int third = connect_tcp();
    handler_.authenticate = true;
    write(third, request(0, 0, 0));
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 3; }));
    write(third, request(3, 0, 8));
    settle();
    EXPECT_EQ(handler_.requests.size(), 3U);
    handler_.answer("");
    handler_.answer("");
    EXPECT_TRUE(turn_until([&] { return handler_.requests.size() == 2; }));
    EXPECT_LE(budget_->used(), 1U << 20);
}

// Over Unix sockets, which the kernel never keeps waiting for more to arrive.
TEST_F(ConnectionLimitsTest, ClosesFramesThatStallWhileOthersWaitForTheirMemory) {
    start({}, 1 << 20);
    const auto frame = request(1, 0, 900 << 10);
    const int first = connect(true);
    const int second = connect(true);
    write(first, engine::Bytes(frame).first(800 << 10));
    write(second, engine::Bytes(frame).first(500 << 10));  // Beyond the budget; one may.
    ASSERT_TRUE(turn_until([&] { return budget_->used() >= 1U << 20; }));
    pass(seconds(5));
    EXPECT_EQ(handler_.closed_count, 0U) << "nobody waits";
    const int honest = connect_unix();
    write(honest, request(0, 0, 0));
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 1; }));
    write(honest, request(2, 0, 8));
    settle();
    EXPECT_EQ(handler_.requests.size(), 1U);
    pass(seconds(1));
    pass(seconds(1));
    EXPECT_TRUE(turn_until([&] { return handler_.requests.size() == 2; }));
    EXPECT_TRUE(closed_with("while others wait for memory"));
    EXPECT_FALSE(at_end(honest));
}

TEST_F(ConnectionLimitsTest, GivesMemoryBackWhenNothingComes) {
    start();
    const int client = connect();
    write(client, request(1, 0, 500 << 10));
    ASSERT_TRUE(turn_until([&] { return handler_.requests.size() == 1; }));
    handler_.answer("");
    turn();
    EXPECT_GT(budget_->used(), 0U);
    for (int tens = 0; tens < 5; ++tens)
        pass(seconds(10));
    EXPECT_EQ(budget_->used(), 0U);
}

TEST_F(ConnectionLimitsTest, EndsATurnEarlyWhenMuchWasRead) {
    start({.bytes_in_flight_max = 1U << 30}, 256 << 20);
    const int client = connect();
    turn_.count = 0;
    write(client, request(1, 0, 8));
    EXPECT_EQ(turn_.count, 0U);
    for (std::uint32_t number = 0; number < 8; ++number)
        write(client, request(number, 0, 1 << 20));
    EXPECT_GE(turn_.count, 4U);
}

}  // namespace
}  // namespace millrace::broker
