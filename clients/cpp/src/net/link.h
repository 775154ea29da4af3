// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The connection to a broker as its users see it: greets, numbers requests, matches answers,
// keeps the broker's limits, and connects again with back-off.
//
// Lifecycle:   make, want, send any number, shutdown. Kept alive by its own socket until that
//              has ended.
// Thread:      the loop's.
// Order:       requests are written in the order of send(); answers come in any order.
#pragma once

#include "codec/hello.h"
#include "net/address.h"
#include "net/call.h"
#include "net/transport.h"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::detail {

struct LinkOptions {
    std::vector<Address> addresses;
    std::string client_name;
    std::chrono::milliseconds connect_timeout{10'000};  // Of one try at one address.
    std::chrono::milliseconds reconnect_delay_min{20};
    std::chrono::milliseconds reconnect_delay_max{1'000};
};

class LinkListener {
public:
    virtual void link_ready() noexcept = 0;
    // An answer came: there may be room for another request.
    virtual void link_room() noexcept = 0;
    // The connection ended, or no address answered. After the `done` of every request. Nothing
    // happens any more until want() is called.
    virtual void link_lost(const Error& why) noexcept = 0;

protected:
    ~LinkListener() = default;
};

class Link final : public std::enable_shared_from_this<Link>, private TransportListener {
public:
    static std::shared_ptr<Link> make(std::shared_ptr<EventLoop> loop,
                                      LinkOptions options,
                                      LinkListener& listener);

    ~Link() = default;
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    // Connects unless it is connected or about to be; waits out the back-off first.
    void want();

    [[nodiscard]] bool ready() const noexcept { return state_ == State::ready; }

    // What the broker said when it was greeted last.
    [[nodiscard]] const Greeting& greeting() const noexcept { return greeting_; }

    [[nodiscard]] const std::string& address() const noexcept { return answered_; }

    // True when the broker's limits allow one more request of this size now.
    [[nodiscard]] bool has_room(std::uint32_t frame_bytes) const noexcept {
        return frame_bytes <= room();
    }

    // Bytes that one more request may have now: as many as the broker takes at all when nothing
    // is in flight, none when too many requests are.
    [[nodiscard]] std::uint32_t room() const noexcept;

    // Nothing is in flight.
    [[nodiscard]] bool idle() const noexcept { return in_flight_.empty(); }

    // Requires: ready().
    void send(Call& call);

    // Ends the connection: what it said cannot be believed, or it said nothing.
    void fail(Error why);

    // No call to the listener after this; requests in flight end with `closed`.
    void shutdown();

private:
    enum class State { idle, waiting, resolving, connecting, greeting, ready, closing, shut };

    struct InFlight {
        Call* call = nullptr;
        bool written = false;
        std::optional<Response> response;  // Came before the request was all written.
    };

    Link(std::shared_ptr<EventLoop> loop, LinkOptions options, LinkListener& listener);

    void start_round();
    void try_address();
    void try_endpoint();
    void address_failed(const Error& why);
    void round_failed(const Error& why);
    void greeted(const Response& frame);
    void answered(Response frame);
    void complete(std::map<std::uint32_t, InFlight>::iterator entry, Result<Response> outcome);
    void fail_all(const Error& why);
    void attempt_timer_fired();
    void check_deadlines();
    [[nodiscard]] std::optional<Error> refusal_of(wire::Api api) const;

    void transport_connected() noexcept override;
    void transport_frame(Response frame) noexcept override;
    void transport_written(std::uint32_t number) noexcept override;
    void transport_closed(const Error& why) noexcept override;

    std::shared_ptr<EventLoop> loop_;  // Shared by everything that runs on it.
    LinkOptions options_;
    LinkListener* listener_;  // Null after shutdown.
    State state_ = State::idle;
    std::unique_ptr<Timer> attempt_timer_;   // Back-off, then the limit of one try.
    std::unique_ptr<Timer> deadline_timer_;  // Of the earliest answer.
    engine::MonotonicTime deadline_timer_at_{0};
    std::size_t address_ = 0;  // In use or to be tried next.
    std::size_t addresses_tried_ = 0;
    std::uint64_t attempt_ = 0;
    std::vector<Endpoint> endpoints_;  // Still to be tried, the next one last.
    std::chrono::milliseconds delay_{0};
    Transport* transport_ = nullptr;
    std::shared_ptr<Link> self_;  // While there is a transport, which calls back.
    std::vector<std::byte> hello_;
    Greeting greeting_;
    std::string answered_;
    std::map<std::uint32_t, InFlight> in_flight_;
    std::uint64_t bytes_in_flight_ = 0;
    std::uint32_t next_id_ = 1;
};

}  // namespace millrace::detail
