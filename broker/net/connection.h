// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One connection: its socket, what has arrived, what has to go out, and its limits.
//
// Lifecycle:   made and owned by its ConnectionSet; opened() to the handler at once, closed() at
// the
//              end of a turn, never inside a call of the handler's.
// Thread:      its shard's.
// Bounds:      requests and bytes in flight; a connection over them, or that does not read its
//              answers, is not read. Answers leave at the end of the turn, many in one write.
#pragma once

#include "broker/base/timer.h"
#include "broker/net/frame_assembler.h"
#include "broker/net/frame_handler.h"
#include "broker/net/receive_pool.h"
#include "broker/net/receive_progress.h"
#include "broker/net/send_queue.h"
#include "broker/net/socket_names.h"

#include <uv.h>

#include <cstdint>
#include <string>

namespace millrace::broker {

class ConnectionSet;

class Connection final : public Peer {
public:
    Connection(ConnectionSet& set, int socket, SocketNames names);
    ~Connection() override;

    // Starts to read. False: the loop refuses the socket, and nobody has heard of it.
    [[nodiscard]] bool open() noexcept;

    void send(const wire::FrameHeader& header,
              engine::Bytes table,
              std::span<const engine::Slice> payload) noexcept override;
    void finish_request(std::uint32_t frame_bytes) noexcept override;
    void set_authenticated() noexcept override;
    void close(std::string_view reason, bool send_queued) noexcept override;

    [[nodiscard]] std::uint64_t unsent_bytes() const noexcept override { return queue_.bytes(); }

    [[nodiscard]] std::string_view local_host() const noexcept override {
        return names_.local_host;
    }

    [[nodiscard]] std::uint16_t local_port() const noexcept override { return names_.local_port; }

    [[nodiscard]] std::string_view listener_name() const noexcept override {
        return names_.listener;
    }

    [[nodiscard]] std::string_view remote_name() const noexcept override { return names_.remote; }

private:
    friend class ConnectionSet;

    static void on_poll(uv_poll_t* handle, int status, int events) noexcept;
    void readable() noexcept;
    [[nodiscard]] bool deliver() noexcept;
    void refuse_stream() noexcept;
    void wait_for_memory() noexcept;
    void end_of_input() noexcept;
    void fail(int error) noexcept;

    // The end of a turn: resumes, writes, closes. True when the handler was called.
    bool end_turn() noexcept;
    [[nodiscard]] bool resume() noexcept;
    void write() noexcept;
    [[nodiscard]] std::uint64_t parked() const noexcept;
    [[nodiscard]] bool over_limits() const noexcept;
    [[nodiscard]] bool below_resume_mark() const noexcept;
    void finish_close() noexcept;
    void update_poll() noexcept;
    void update_low_water() noexcept;
    void watch_progress() noexcept;
    [[nodiscard]] bool owes_bytes() const noexcept;
    [[nodiscard]] std::chrono::milliseconds scarce_deadline() const noexcept;
    void timer_fired() noexcept;
    [[nodiscard]] engine::MonotonicTime next_check() const noexcept;

    ConnectionSet& set_;
    const int socket_;
    uv_poll_t poll_{};
    FrameAssembler assembler_;
    SendQueue queue_;
    Timer timer_;
    engine::MonotonicTime timer_at_{};  // While it is armed.
    MemoryWaiter memory_;
    SocketNames names_;

    std::uint32_t requests_in_flight_ = 0;
    std::uint64_t bytes_in_flight_ = 0;
    int polled_ = 0;               // Events the loop watches for.
    std::uint32_t low_water_ = 1;  // SO_RCVLOWAT.
    bool paused_ = false;          // Over its limits.
    bool input_ended_ = false;
    bool write_blocked_ = false;
    bool was_over_ = false;  // Unsent bytes were above what a handler holds back at.
    bool closing_ = false;
    bool send_before_close_ = false;
    bool marked_ = false;  // In the set's list for the end of the turn.
    int error_ = 0;        // errno that closes it.
    std::string reason_;

    engine::MonotonicTime opened_at_{};
    ReceiveProgress receive_progress_;
    engine::MonotonicTime send_progress_{};

    Connection* next_marked_ = nullptr;
    Connection* previous_ = nullptr;  // The set's list of all.
    Connection* next_ = nullptr;
};

}  // namespace millrace::broker
