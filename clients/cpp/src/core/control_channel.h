// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The connection for questions: metadata, offsets, changes. Calls wait here until it is up.
//
// Lifecycle:   make, open, submit any number, shutdown.
// Thread:      the loop's, but for make() and address().
#pragma once

#include "net/link.h"

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace millrace::detail {

class ControlChannel final : private LinkListener {
public:
    using FirstOutcome = std::function<void(Result<void>)>;

    ControlChannel(std::shared_ptr<EventLoop> loop, LinkOptions options);
    ~ControlChannel() = default;
    ControlChannel(const ControlChannel&) = delete;
    ControlChannel& operator=(const ControlChannel&) = delete;

    // Connects; `outcome` hears of the first success or of the failure of every address.
    void open(FirstOutcome outcome);

    // Sends it as soon as possible. Its `done` runs by its deadline: timed_out or unreachable
    // when there was no connection until then.
    void submit(Call& call);

    // Ends the connection, whose answers cannot be believed.
    void fail(const Error& why);

    // Everything waiting or in flight ends with `closed`, also what is submitted later.
    void shutdown();

    // The address that answered last. Any thread.
    [[nodiscard]] std::string address() const;

private:
    void pump();
    void expire();

    void link_ready() noexcept override;
    void link_room() noexcept override;
    void link_lost(const Error& why) noexcept override;

    std::shared_ptr<EventLoop> loop_;  // Shared by everything that runs on it.
    LinkOptions options_;
    std::shared_ptr<Link> link_;  // Shared with its socket.
    std::unique_ptr<Timer> timer_;
    std::deque<Call*> waiting_;
    FirstOutcome first_outcome_;
    Error last_error_;
    bool pumping_ = false;
    bool shut_ = false;
    mutable std::mutex mutex_;
    std::string address_;
};

}  // namespace millrace::detail
