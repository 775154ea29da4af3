// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What every handle of a client shares: the I/O thread, the connection for questions, and the way
// to ask one and wait for the answer.
//
// Lifecycle:   connect; the last handle ends it with its thread.
// Thread:      any.
#pragma once

#include "codec/messages.h"
#include "core/control_channel.h"
#include "millrace/client.h"
#include "millrace/result.h"
#include "net/event_loop.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace millrace::detail {

// Whether a request may be sent again when its fate is unknown.
enum class Effect { query, change };

class ClientCore {
public:
    static Result<std::shared_ptr<ClientCore>> connect(const ClientOptions& options);

    ClientCore(std::shared_ptr<EventLoop> loop, ClientOptions options, LinkOptions link_options);
    ~ClientCore();
    ClientCore(const ClientCore&) = delete;
    ClientCore& operator=(const ClientCore&) = delete;

    [[nodiscard]] const std::shared_ptr<EventLoop>& loop() const noexcept { return loop_; }

    [[nodiscard]] const std::shared_ptr<ControlChannel>& control() const noexcept {
        return control_;
    }

    [[nodiscard]] const ClientOptions& options() const noexcept { return options_; }

    [[nodiscard]] const LinkOptions& link_options() const noexcept { return link_options_; }

    // Sends a request and waits; `decode` turns the response into a Result. Retryable refusals
    // and, for queries, lost connections are tried again until request_timeout, or until `patience`
    // if that is longer. `payload` follows the request's table.
    // Errors: as Call, timed_out, unreachable, invalid_argument (on the I/O thread), decode's.
    template <class Decode>
    auto ask(const EncodedRequest& request,
             Effect effect,
             Decode decode,
             const std::vector<engine::Bytes>& payload = {},
             std::chrono::milliseconds patience = {}) -> decltype(decode(Response())) {
        const auto deadline = EventLoop::now() + std::max(options_.request_timeout, patience);
        auto delay = options_.reconnect_delay_min;
        for (;;) {
            auto response = exchange(request, payload, deadline);
            auto answer =
                    response ? decode(*response) : decltype(decode(*response))(response.error());
            if (answer) return answer;
            const auto code = answer.error().code;
            if (code == ErrorCode::protocol_violation) distrust(answer.error());
            if (!may_try_again(code, effect) || EventLoop::now() + delay >= deadline) return answer;
            std::this_thread::sleep_for(delay);
            delay = std::min(2 * delay, options_.reconnect_delay_max);
        }
    }

    // Of these topics, in this order, as the broker knows them now; unknown ones have the error in
    // their row.
    Result<std::vector<TopicMetadata>> topics(const std::vector<std::string>& names);

private:
    Result<Response> exchange(const EncodedRequest& request,
                              const std::vector<engine::Bytes>& payload,
                              engine::MonotonicTime deadline);
    void distrust(const Error& why);
    static bool may_try_again(ErrorCode code, Effect effect) noexcept;

    std::shared_ptr<EventLoop> loop_;  // Shared by everything that runs on it.
    ClientOptions options_;
    LinkOptions link_options_;
    std::shared_ptr<ControlChannel> control_;  // Shared with tasks on the loop.
};

}  // namespace millrace::detail
