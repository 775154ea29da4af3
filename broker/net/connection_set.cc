// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/net/connection_set.h"

#include "engine/assert.h"

#include <cstring>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace millrace::broker {

namespace {

constexpr std::uint64_t kTurnBytesMax = 256U << 10;
constexpr std::chrono::microseconds kTurnTimeMax{500};
constexpr std::chrono::seconds kTrimInterval{10};
constexpr std::uint32_t kLinesPerSecondMax = 20;

// Ends that every client causes all day.
bool is_ordinary(std::string_view reason) {
    return reason == "the peer closed" || reason == "the peer is gone" ||
           reason == "the broker stops";
}

}  // namespace

ConnectionSet::ConnectionSet(const ConnectionSetParts& parts) : parts_(parts) {
    now_ = parts_.clock.monotonic_now();
    turn_start_ = now_;
    trim_timer_.owner = this;
    trim_timer_.fired = [](Timer& timer) noexcept {
        static_cast<ConnectionSet*>(timer.owner)->trim_memory();
    };
}

ConnectionSet::~ConnectionSet() {
    ASSERT(empty());
    parts_.timers.disarm(trim_timer_);
}

void ConnectionSet::adopt(int socket, std::string_view listener) noexcept {
    start_turn();
    auto made = std::make_unique<Connection>(*this, socket, names_of(socket, listener));
    if (!made->open()) {
        ::close(socket);
        parts_.open_count.fetch_sub(1, std::memory_order_relaxed);
        return;
    }
    auto& connection = *made.release();  // Owned by the list until destroy_later().
    connection.next_ = first_;
    if (first_ != nullptr) first_->previous_ = &connection;
    first_ = &connection;
    ++size_;
    auto& counts = counts_of(listener);
    ++counts.accepted;
    ++counts.open;
    parts_.events.event(engine::Level::debug,
                        "connection.opened",
                        "a client connected",
                        {{"listener", std::string(listener)},
                         {"remote", std::string(connection.remote_name())}});
    parts_.handler.opened(connection);
}

bool ConnectionSet::end_turn() noexcept {
    now_ = parts_.clock.monotonic_now();
    parts_.pool.set_now(now_);
    bool called = false;
    auto* connection = std::exchange(first_marked_, nullptr);
    last_marked_ = nullptr;
    while (connection != nullptr) {
        auto* next = std::exchange(connection->next_marked_, nullptr);
        connection->marked_ = false;
        called |= connection->end_turn();
        connection = next;
    }
    turn_bytes_ = 0;
    turn_start_ = now_;
    watch_memory();
    return called;
}

void ConnectionSet::mark(Connection& connection) noexcept {
    if (std::exchange(connection.marked_, true)) return;
    (first_marked_ == nullptr ? first_marked_ : last_marked_->next_marked_) = &connection;
    last_marked_ = &connection;
}

void ConnectionSet::start_turn() noexcept {
    now_ = parts_.clock.monotonic_now();
    if (turn_bytes_ == 0) turn_start_ = now_;
}

void ConnectionSet::count_read(std::size_t bytes) noexcept {
    turn_bytes_ += bytes;
    if (turn_bytes_ < kTurnBytesMax && parts_.clock.monotonic_now() - turn_start_ < kTurnTimeMax) {
        return;
    }
    turn_bytes_ = 0;
    parts_.turn.over();
}

void ConnectionSet::close_all(std::string_view reason, bool send_queued) noexcept {
    for (auto* connection = first_; connection != nullptr; connection = connection->next_) {
        if (connection->closing_ && !send_queued) connection->send_before_close_ = false;
        connection->close(reason, send_queued);
        mark(*connection);
    }
}

// There are a handful of listeners.
ConnectionSample& ConnectionSet::counts_of(std::string_view listener) {
    for (auto& counts : counts_) {
        if (counts.listener == listener) return counts;
    }
    return counts_.emplace_back(ConnectionSample{.listener = listener});
}

void ConnectionSet::log_close(const Connection& connection) noexcept {
    const bool ordinary = is_ordinary(connection.reason_);
    if (!ordinary) ++counts_of(connection.listener_name()).cut_off;
    if (!ordinary) {
        if (now_ - log_second_ >= std::chrono::seconds(1)) {
            log_second_ = now_;
            logged_in_second_ = 0;
        }
        if (++logged_in_second_ > kLinesPerSecondMax) {
            ++suppressed_;
            return;
        }
    }
    std::string error;
    if (connection.error_ != 0) error = std::generic_category().message(connection.error_);
    parts_.events.event(ordinary ? engine::Level::debug : engine::Level::warning,
                        "connection.closed",
                        connection.reason_,
                        {{"listener", std::string(connection.listener_name())},
                         {"remote", std::string(connection.remote_name())},
                         {"error", std::move(error)},
                         {"not_logged", suppressed_ == 0 ? "" : std::to_string(suppressed_)}});
    if (!ordinary) suppressed_ = 0;
}

void ConnectionSet::destroy_later(Connection& connection) noexcept {
    if (connection.marked_) {  // Marked once more while it was being closed.
        Connection* before = nullptr;
        for (auto* at = first_marked_; at != &connection; at = at->next_marked_)
            before = at;
        (before == nullptr ? first_marked_ : before->next_marked_) = connection.next_marked_;
        if (last_marked_ == &connection) last_marked_ = before;
    }
    (connection.previous_ == nullptr ? first_ : connection.previous_->next_) = connection.next_;
    if (connection.next_ != nullptr) connection.next_->previous_ = connection.previous_;
    --size_;
    --counts_of(connection.listener_name()).open;
    ++closing_handles_;
    parts_.open_count.fetch_sub(1, std::memory_order_relaxed);
    uv_close(reinterpret_cast<uv_handle_t*>(&connection.poll_), [](uv_handle_t* handle) {
        const std::unique_ptr<Connection> last(static_cast<Connection*>(handle->data));
        --last->set_.closing_handles_;
    });
}

// Memory that is kept for the next frame goes back to the system when no frame comes.
void ConnectionSet::watch_memory() noexcept {
    if (trim_timer_.armed || !parts_.pool.keeps_memory()) return;
    parts_.timers.arm(trim_timer_, now_ + kTrimInterval);
}

void ConnectionSet::trim_memory() noexcept {
    now_ = parts_.clock.monotonic_now();
    parts_.blocks.trim();
    if (parts_.pool.trim(now_)) parts_.timers.arm(trim_timer_, now_ + kTrimInterval);
}

}  // namespace millrace::broker
