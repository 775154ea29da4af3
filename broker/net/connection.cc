// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/net/connection.h"

#include "broker/net/connection_set.h"
#include "engine/assert.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <sys/socket.h>
#include <unistd.h>

namespace millrace::broker {

namespace {

constexpr std::uint32_t kReadBytesPerTurn = 256U << 10;  // Then others have their turn.
constexpr std::uint64_t kWriteBytesPerTurn = 1U << 20;
constexpr std::size_t kPiecesPerWrite = 64;
// A handler holds answers back above the first mark and is told below the second.
constexpr std::uint64_t kHoldBackBytes = 1U << 20;
constexpr std::uint64_t kDrainedBytes = kHoldBackBytes / 2;
// Unsent answers that the handler does not hold back stop the reading of further requests.
constexpr std::uint64_t kUnsentBytesMax = 2U << 20;
// Requests of this connection that wait for room to be appended: no more are read.
constexpr std::uint64_t kParkedBytesMax = 2U << 20;
// Below this SO_RCVLOWAT saves no wake-ups worth its system calls.
constexpr std::uint32_t kLowWaterBytesMin = 256U << 10;

}  // namespace

Connection::Connection(ConnectionSet& set, int socket, SocketNames names)
        : set_(set),
          socket_(socket),
          assembler_(set.parts_.pool),
          queue_(set.parts_.blocks),
          names_(std::move(names)) {
    poll_.data = this;
    timer_.owner = this;
    timer_.fired = [](Timer& timer) noexcept {
        static_cast<Connection*>(timer.owner)->timer_fired();
    };
    memory_.owner = this;
    memory_.memory_back = [](MemoryWaiter& waiter) noexcept {
        auto& connection = *static_cast<Connection*>(waiter.owner);
        connection.set_.mark(connection);
    };
}

Connection::~Connection() = default;

bool Connection::open() noexcept {
    if (uv_poll_init(&set_.parts_.loop, &poll_, socket_) != 0) return false;
    opened_at_ = set_.now_;
    receive_progress_.restart(opened_at_);
    send_progress_ = opened_at_;
    update_poll();
    watch_progress();
    return true;
}

void Connection::send(const wire::FrameHeader& header,
                      engine::Bytes table,
                      std::span<const engine::Slice> payload) noexcept {
    if (closing_) return;
    if (queue_.empty()) send_progress_ = set_.now_;
    queue_.push(header, table, payload);
    if (queue_.bytes() > kHoldBackBytes) was_over_ = true;
    if (!write_blocked_) set_.mark(*this);
}

void Connection::finish_request(std::uint32_t frame_bytes) noexcept {
    ASSERT(requests_in_flight_ > 0);
    ASSERT(bytes_in_flight_ >= frame_bytes);
    --requests_in_flight_;
    bytes_in_flight_ -= frame_bytes;
    if (paused_ || input_ended_) set_.mark(*this);
}

void Connection::set_authenticated() noexcept {
    assembler_.set_authenticated(set_.parts_.limits.request_bytes_max);
}

void Connection::close(std::string_view reason, bool send_queued) noexcept {
    if (closing_) return;
    closing_ = true;
    send_before_close_ = send_queued;
    reason_ = reason;
    set_.mark(*this);
}

void Connection::on_poll(uv_poll_t* handle, int status, int events) noexcept {
    auto& connection = *static_cast<Connection*>(handle->data);
    connection.set_.start_turn();
    if (status < 0) {
        // libuv has stopped watching; the socket knows why.
        connection.polled_ = 0;
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(connection.socket_, SOL_SOCKET, SO_ERROR, &error, &size);
        connection.fail(error != 0 ? error : -status);
        return;
    }
    if ((events & UV_WRITABLE) != 0) {
        connection.write_blocked_ = false;
        connection.set_.mark(connection);
    }
    if ((events & UV_READABLE) != 0) connection.readable();
}

void Connection::readable() noexcept {
    std::size_t bytes = 0;
    if (!assembler_.partial()) receive_progress_.restart(set_.now_);
    while (!closing_ && !paused_ && !input_ended_ && bytes < kReadBytesPerTurn) {
        const auto space = assembler_.space();
        if (space.empty()) {
            wait_for_memory();
            break;
        }
        const auto count = recv(socket_, space.data(), space.size(), MSG_DONTWAIT);
        if (count == 0) {
            end_of_input();
            break;
        }
        if (count < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN && errno != EWOULDBLOCK) fail(errno);
            break;
        }
        const auto received = static_cast<std::size_t>(count);
        bytes += received;
        assembler_.received(received);
        receive_progress_.received(received, set_.now_);
        if (!deliver()) break;
        if (received < space.size()) break;  // The socket is empty.
    }
    assembler_.rest();
    update_low_water();
    watch_progress();
    update_poll();
    set_.count_read(bytes);
}

// Gives whole frames to the handler. False when no more must be read.
bool Connection::deliver() noexcept {
    while (!closing_) {
        if (over_limits()) {
            paused_ = true;
            return false;
        }
        IncomingFrame frame;
        const auto status = assembler_.next(frame);
        if (status == DecodeStatus::malformed) {
            refuse_stream();
            return false;
        }
        if (status == DecodeStatus::incomplete) return true;
        receive_progress_.restart(set_.now_);
        ++requests_in_flight_;
        bytes_in_flight_ += frame.header.frame_bytes;
        set_.parts_.handler.frame(*this, std::move(frame));
    }
    return false;
}

void Connection::refuse_stream() noexcept {
    std::string reason(assembler_.reason());
    if (const auto hint = protocol_hint(assembler_.unread()); !hint.empty()) {
        reason += ": ";
        reason += hint;
    }
    close(reason, true);
}

std::uint64_t Connection::parked() const noexcept {
    return parked_bytes == nullptr ? 0 : parked_bytes->load(std::memory_order_relaxed);
}

bool Connection::over_limits() const noexcept {
    const auto& limits = set_.parts_.limits;
    if (requests_in_flight_ >= limits.requests_in_flight_max) return true;
    if (bytes_in_flight_ >= limits.bytes_in_flight_max) return true;
    if (queue_.bytes() >= kUnsentBytesMax) return true;
    if (parked() > kParkedBytesMax) return true;
    return !queue_.empty() && set_.parts_.blocks.budget().exhausted();
}

// Somewhat below the limits, so that a connection at its limit is not stopped and started for
// every single request.
bool Connection::below_resume_mark() const noexcept {
    const auto& limits = set_.parts_.limits;
    if (requests_in_flight_ >
        limits.requests_in_flight_max - (limits.requests_in_flight_max + 3) / 4) {
        return false;
    }
    if (bytes_in_flight_ > std::uint64_t{limits.bytes_in_flight_max} / 4 * 3) return false;
    if (queue_.bytes() >= kHoldBackBytes) return false;
    if (parked() > kParkedBytesMax / 2) return false;
    return queue_.empty() || !set_.parts_.blocks.budget().exhausted();
}

void Connection::wait_for_memory() noexcept {
    set_.parts_.pool.wait(memory_, !assembler_.authenticated());
}

void Connection::end_of_input() noexcept {
    input_ended_ = true;
    set_.mark(*this);
}

void Connection::fail(int error) noexcept {
    error_ = error;
    if (closing_) {
        send_before_close_ = false;  // Nothing can be sent any more.
        set_.mark(*this);
        return;
    }
    close(error == EPIPE || error == ECONNRESET ? "the peer is gone" : "the socket failed", false);
}

bool Connection::end_turn() noexcept {
    bool called = resume();
    if (!closing_ || send_before_close_) write();
    // What was sent just now may have been all that held it back: nothing else will wake it.
    if (paused_) called |= resume();
    if (!closing_ && was_over_ && queue_.bytes() <= kDrainedBytes) {
        was_over_ = false;
        set_.parts_.handler.drained(*this);
        called = true;
    }
    if (!closing_ && input_ended_ && !paused_ && requests_in_flight_ == 0 && queue_.empty()) {
        close(assembler_.partial() ? "the peer closed in the middle of a frame" : "the peer closed",
              false);
    }
    if (closing_ && (!send_before_close_ || queue_.empty())) {
        finish_close();
        return true;
    }
    watch_progress();
    update_poll();
    return called;
}

// Goes on with what had been stopped by a limit or for want of memory.
bool Connection::resume() noexcept {
    if (closing_) return false;
    if (paused_) {
        if (!below_resume_mark()) return false;
        paused_ = false;
        receive_progress_.restart(set_.now_);  // Waiting for us was not the client's delay.
        const bool read_on = deliver();
        assembler_.rest();
        if (read_on) update_poll();
        return true;
    }
    if (!memory_.waiting && (polled_ & UV_READABLE) == 0) receive_progress_.restart(set_.now_);
    return false;
}

void Connection::write() noexcept {
    std::uint64_t written = 0;
    write_blocked_ = false;
    while (!queue_.empty()) {
        iovec entries[kPiecesPerWrite];
        msghdr message{};
        message.msg_iov = entries;
        message.msg_iovlen = queue_.pieces(entries);
        const auto count = sendmsg(socket_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK) {
                write_blocked_ = true;
            } else {
                fail(errno);
            }
            return;
        }
        queue_.sent(static_cast<std::uint64_t>(count));
        send_progress_ = set_.now_;
        written += static_cast<std::uint64_t>(count);
        if (written >= kWriteBytesPerTurn && !queue_.empty()) {
            write_blocked_ = true;  // The loop says at once that it is writable.
            return;
        }
    }
}

void Connection::finish_close() noexcept {
    set_.parts_.handler.closed(*this);
    set_.log_close(*this);
    set_.parts_.timers.disarm(timer_);
    set_.parts_.pool.cancel(memory_);
    queue_.clear();
    uv_poll_stop(&poll_);
    if (send_before_close_) {
        // What arrived after the last answer would turn the end into a reset, which can overtake
        // the answer: take it away first.
        shutdown(socket_, SHUT_WR);
        std::byte discarded[4096];
        for (int reads = 0; reads < 16; ++reads) {
            if (recv(socket_, discarded, sizeof discarded, MSG_DONTWAIT) <= 0) break;
        }
    }
    ::close(socket_);
    set_.destroy_later(*this);
}

void Connection::update_poll() noexcept {
    int wanted = 0;
    if (!closing_ && !paused_ && !input_ended_ && !memory_.waiting) wanted |= UV_READABLE;
    if (write_blocked_) wanted |= UV_WRITABLE;
    if (wanted == polled_) return;
    polled_ = wanted;
    if (wanted == 0) {
        uv_poll_stop(&poll_);
    } else if (const int failed = uv_poll_start(&poll_, wanted, on_poll); failed != 0) {
        polled_ = 0;
        fail(-failed);
    }
}

// While a large frame is partial the kernel wakes us when half a socket buffer of it is there.
void Connection::update_low_water() noexcept {
    if (names_.unix_socket) return;
    std::uint32_t wanted = 1;
    if (const auto missing = assembler_.missing(); missing >= kLowWaterBytesMin) {
        int buffer = 0;
        socklen_t size = sizeof buffer;
        getsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &buffer, &size);
        wanted = std::max(1U, std::min(missing, static_cast<std::uint32_t>(buffer) / 2));
    }
    if (wanted == low_water_) return;
    const int value = static_cast<int>(wanted);
    if (setsockopt(socket_, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value) == 0)
        low_water_ = wanted;
}

engine::MonotonicTime Connection::next_check() const noexcept {
    const auto& limits = set_.parts_.limits;
    auto at = engine::MonotonicTime::max();
    if (!queue_.empty()) at = send_progress_ + limits.progress_deadline;
    if (closing_) return at;
    if (!assembler_.authenticated()) at = std::min(at, opened_at_ + limits.hello_deadline);
    if (owes_bytes()) {
        at = std::min(at, receive_progress_.next(limits.progress_deadline, scarce_deadline()));
    }
    return at;
}

std::chrono::milliseconds Connection::scarce_deadline() const noexcept {
    const auto& limits = set_.parts_.limits;
    return assembler_.authenticated() ? limits.scarce_deadline : limits.scarce_hello_deadline;
}

// A frame has begun, and it is the client's turn.
bool Connection::owes_bytes() const noexcept {
    return assembler_.partial() && !paused_ && !memory_.waiting;
}

// Armed for the earliest deadline; one that moved away is found when the timer fires, so that busy
// connections do not touch it.
void Connection::watch_progress() noexcept {
    const auto at = next_check();
    if (at == engine::MonotonicTime::max() || (timer_.armed && timer_at_ <= at)) return;
    set_.parts_.timers.disarm(timer_);
    set_.parts_.timers.arm(timer_, at);
    timer_at_ = at;
}

void Connection::timer_fired() noexcept {
    set_.start_turn();
    if (!closing_ && !input_ended_ && owes_bytes()) readable();  // Also below the low-water mark.
    const auto& limits = set_.parts_.limits;
    const auto now = set_.now_;
    if (!queue_.empty() && now >= send_progress_ + limits.progress_deadline) {
        close("the peer does not read its answers", false);
        send_before_close_ = false;  // Also when it was closing already.
        set_.mark(*this);
    } else if (closing_) {
        return;
    } else if (!assembler_.authenticated() && now >= opened_at_ + limits.hello_deadline) {
        close("no hello in time", false);
    } else if (owes_bytes() && receive_progress_.stalled(now, limits.progress_deadline)) {
        close("the peer does not finish its frame", false);
    } else if (owes_bytes() && receive_progress_.slow(now, scarce_deadline()) &&
               set_.parts_.pool.pressed(!assembler_.authenticated())) {
        close("the peer does not finish its frame while others wait for memory", false);
    }
    set_.parts_.timers.disarm(timer_);
    watch_progress();
}

}  // namespace millrace::broker
