// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The connections of one shard on a real loop with real sockets, and a client beside them in the
// same thread: what one does is seen by the other after a turn of the loop.
#pragma once

#include "broker/base/timer_wheel.h"
#include "broker/net/connection_set.h"
#include "tests/support/fake_clock.h"

#include <gtest/gtest.h>
#include <uv.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace millrace::broker {

class WheelTimers final : public TimerService {
public:
    explicit WheelTimers(engine::Clock& clock)
            : clock_(clock), wheel_(TimerWheel::tick_at_or_before(clock.monotonic_now())) {}

    void arm(Timer& timer, engine::MonotonicTime deadline) noexcept override {
        wheel_.arm(timer, deadline);
    }

    void disarm(Timer& timer) noexcept override { wheel_.disarm(timer); }

    void run() { wheel_.advance(TimerWheel::tick_at_or_before(clock_.monotonic_now())); }

private:
    engine::Clock& clock_;
    TimerWheel wheel_;
};

class RecordedEvents final : public engine::EventLog {
public:
    void event(engine::Level level,
               std::string_view name,
               std::string_view message,
               std::initializer_list<engine::EventField> fields) noexcept override;

    std::vector<std::string> lines;  // "connection.closed the peer closed"
    std::size_t warnings = 0;
};

// Keeps every frame until the test answers it.
class RecordingHandler final : public FrameHandler {
public:
    struct Request {
        Peer* peer = nullptr;
        IncomingFrame frame;
    };

    void opened(Peer& peer) noexcept override { peers.push_back(&peer); }

    void frame(Peer& peer, IncomingFrame&& frame) noexcept override;

    void drained(Peer&) noexcept override { ++drained_count; }

    void closed(Peer& peer) noexcept override;

    // Sends `table` as the answer to the oldest kept frame.
    void answer(std::string_view table);

    bool authenticate = true;                            // With the first frame.
    std::function<void(Peer&, IncomingFrame&)> at_once;  // Instead of keeping it.
    std::vector<Peer*> peers;
    std::deque<Request> requests;
    std::size_t drained_count = 0;
    std::size_t closed_count = 0;
};

// A shard's mailbox without another thread.
class DirectPost final : public engine::ShardPost {
public:
    void post(std::uint32_t, engine::PostedTask& task) noexcept override { tasks.push_back(&task); }

    [[nodiscard]] std::uint32_t shard_count() const noexcept override { return 1; }

    void run();

    std::deque<engine::PostedTask*> tasks;
};

class CountingTurn final : public LoopTurn {
public:
    void over() noexcept override { ++count; }

    std::size_t count = 0;
};

class LoopTest : public ::testing::Test {
protected:
    LoopTest();
    ~LoopTest() override;

    // Makes the set with these limits; once.
    void start(ConnectionLimits limits = {}, std::uint64_t receive_bytes = 64 << 20);

    // A connected client's socket, non-blocking; the other end is in the set.
    [[nodiscard]] int connect_tcp();
    [[nodiscard]] int connect_unix();

    // Turns of the loop until `condition` holds; false after that many milliseconds of nothing.
    bool turn_until(const std::function<bool()>& condition, int idle_max = 5000);
    void turn();

    // Until nothing has happened for a while: before claiming that something did not.
    void settle() {
        turn_until([] { return false; }, 20);
    }

    // Moves the clock; timers fire.
    void pass(engine::MonotonicTime time);

    static std::vector<std::byte> request(std::uint32_t correlation,
                                          std::uint32_t table_bytes,
                                          std::uint32_t payload_bytes);
    // Writes all of it, turning the loop while the socket is full.
    void write(int socket, engine::Bytes bytes);
    // Past the handshake.
    [[nodiscard]] int connect(bool unix_socket = false);
    // Everything that can be read now.
    [[nodiscard]] static std::vector<std::byte> read(int socket);
    // The other side has closed.
    [[nodiscard]] static bool at_end(int socket);
    [[nodiscard]] bool closed_with(std::string_view reason) const;

    testing::FakeClock clock_;
    RecordedEvents events_;
    RecordingHandler handler_;
    DirectPost post_;
    CountingTurn turn_;
    WheelTimers timers_{clock_};
    std::atomic<std::uint32_t> open_count_{0};
    uv_loop_t loop_{};
    std::unique_ptr<ReceiveBudget> budget_;
    std::unique_ptr<ReceiveBudget> handshake_;
    std::unique_ptr<ReceivePool> pool_;
    ResponseBudget responses_{64 << 20};
    SendBlockPool blocks_{responses_};
    std::unique_ptr<ConnectionSet> set_;
    std::vector<int> clients_;
};

}  // namespace millrace::broker
