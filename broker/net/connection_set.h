// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The connections of one shard.
//
// Lifecycle:   made when the shard can serve; close_all() and empty() before it is destroyed, with
//              the loop still running, because libuv closes handles in a later turn.
// Thread:      its shard's.
#pragma once

#include "broker/base/shard_sample.h"
#include "broker/base/timer.h"
#include "broker/net/connection.h"
#include "broker/net/loop_turn.h"
#include "engine/clock.h"
#include "engine/event_log.h"

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace millrace::broker {

struct ConnectionLimits {
    std::uint32_t request_bytes_max = 16U << 20;
    std::uint32_t requests_in_flight_max = 256;
    std::uint32_t bytes_in_flight_max = 32U << 20;
    std::chrono::milliseconds hello_deadline{10'000};
    std::chrono::milliseconds progress_deadline{30'000};
    // How often a partial frame is looked at that others may have to wait for; and a partial hello,
    // which any number of strangers can leave half said.
    std::chrono::milliseconds scarce_deadline{1'000};
    std::chrono::milliseconds scarce_hello_deadline{200};
};

struct ConnectionSetParts {
    uv_loop_t& loop;
    FrameHandler& handler;
    TimerService& timers;
    engine::Clock& clock;
    engine::EventLog& events;
    ReceivePool& pool;
    SendBlockPool& blocks;
    LoopTurn& turn;
    std::atomic<std::uint32_t>& open_count;  // Counted up by whoever hands a socket over.
    ConnectionLimits limits;
};

class ConnectionSet {
public:
    explicit ConnectionSet(const ConnectionSetParts& parts);
    ~ConnectionSet();
    ConnectionSet(const ConnectionSet&) = delete;
    ConnectionSet& operator=(const ConnectionSet&) = delete;

    // Takes an accepted socket over. `listener` outlives the set.
    void adopt(int socket, std::string_view listener) noexcept;

    // At the end of a turn: sends, resumes, closes. True when the handler was called, which may
    // have made work for the engine; call again then.
    bool end_turn() noexcept;

    // Something still has to be done before the loop may sleep.
    [[nodiscard]] bool marked() const noexcept { return first_marked_ != nullptr; }

    void close_all(std::string_view reason, bool send_queued) noexcept;

    // No connection and no handle of one is left.
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr && closing_handles_ == 0; }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    // By listener, of those from whom a connection has come.
    [[nodiscard]] const std::vector<ConnectionSample>& counts() const noexcept { return counts_; }

private:
    friend class Connection;

    void mark(Connection& connection) noexcept;
    void count_read(std::size_t bytes) noexcept;
    void start_turn() noexcept;
    [[nodiscard]] ConnectionSample& counts_of(std::string_view listener);
    void log_close(const Connection& connection) noexcept;
    void destroy_later(Connection& connection) noexcept;
    void watch_memory() noexcept;
    void trim_memory() noexcept;

    ConnectionSetParts parts_;
    std::vector<ConnectionSample> counts_;
    Connection* first_ = nullptr;
    Connection* first_marked_ = nullptr;
    Connection* last_marked_ = nullptr;
    std::size_t size_ = 0;
    std::size_t closing_handles_ = 0;
    std::uint64_t turn_bytes_ = 0;
    engine::MonotonicTime turn_start_{};
    engine::MonotonicTime now_{};
    Timer trim_timer_;
    // A flood of bad connections must not become a flood of lines.
    engine::MonotonicTime log_second_{};
    std::uint32_t logged_in_second_ = 0;
    std::uint64_t suppressed_ = 0;
};

}  // namespace millrace::broker
