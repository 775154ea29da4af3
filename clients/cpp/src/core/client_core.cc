// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "core/client_core.h"

#include "codec/metadata.h"
#include "codec/table.h"
#include "core/timeout.h"

#include <algorithm>
#include <future>
#include <span>
#include <utility>

namespace millrace {

namespace detail {

namespace {

constexpr std::size_t kNameBytesMax = 128;

struct WaitingCall : Call {
    std::promise<Result<Response>> promise;
    std::shared_ptr<WaitingCall> self;  // Until `done`: the waiter may be gone before the loop is.
};

ClientOptions with_bounded_times(ClientOptions options) {
    options.connect_timeout = bounded(options.connect_timeout);
    options.request_timeout = bounded(options.request_timeout);
    options.reconnect_delay_min = bounded(options.reconnect_delay_min);
    options.reconnect_delay_max = bounded(options.reconnect_delay_max);
    return options;
}

Result<void> check(const ClientOptions& options) {
    using std::chrono::milliseconds;
    const auto invalid = [](const char* what) {
        return Error{ErrorCode::invalid_argument, std::string("ClientOptions::") + what};
    };
    if (options.name.size() > kNameBytesMax) return invalid("name has more than 128 bytes.");
    if (options.connect_timeout <= milliseconds(0)) {
        return invalid("connect_timeout must be above zero.");
    }
    if (options.request_timeout <= milliseconds(0)) {
        return invalid("request_timeout must be above zero.");
    }
    if (options.reconnect_delay_min <= milliseconds(0) ||
        options.reconnect_delay_max < options.reconnect_delay_min) {
        return invalid("reconnect_delay_min must be above zero and not above reconnect_delay_max.");
    }
    return {};
}

}  // namespace

ClientCore::ClientCore(std::shared_ptr<EventLoop> loop,
                       ClientOptions options,
                       LinkOptions link_options)
        : loop_(std::move(loop)),
          options_(std::move(options)),
          link_options_(std::move(link_options)),
          control_(std::make_shared<ControlChannel>(loop_, link_options_)) {}

ClientCore::~ClientCore() {
    loop_->post([control = control_] { control->shutdown(); });
    loop_->stop();
}

Result<std::shared_ptr<ClientCore>> ClientCore::connect(const ClientOptions& wanted) {
    if (const auto checked = check(wanted); !checked) return checked.error();
    const auto options = with_bounded_times(wanted);
    auto addresses = parse_addresses(options.addresses);
    if (!addresses) return addresses.error();
    auto loop = EventLoop::start();
    if (!loop) return loop.error();
    LinkOptions link_options{.addresses = *std::move(addresses),
                             .client_name = options.name,
                             .connect_timeout = options.connect_timeout,
                             .reconnect_delay_min = options.reconnect_delay_min,
                             .reconnect_delay_max = options.reconnect_delay_max};
    auto core = std::make_shared<ClientCore>(*loop, options, std::move(link_options));
    const auto outcome = std::make_shared<std::promise<Result<void>>>();
    auto connected = outcome->get_future();
    core->loop_->post([control = core->control_, outcome] {
        control->open([outcome](Result<void> result) { outcome->set_value(std::move(result)); });
    });
    if (const auto result = connected.get(); !result) return result.error();
    return core;
}

Result<Response> ClientCore::exchange(const EncodedRequest& request,
                                      const std::vector<engine::Bytes>& payload,
                                      engine::MonotonicTime deadline) {
    if (loop_->on_thread()) {
        return Error{ErrorCode::invalid_argument,
                     "A call that waits was made on the client's I/O thread."};
    }
    const auto call = std::make_shared<WaitingCall>();
    call->request = request;
    call->payload = payload;
    call->deadline = deadline;
    call->self = call;
    call->done = [](Call& ended, Result<Response> outcome) noexcept {
        auto& waiting = static_cast<WaitingCall&>(ended);
        const auto keep = std::move(waiting.self);
        waiting.promise.set_value(std::move(outcome));
    };
    auto future = call->promise.get_future();
    loop_->post([control = control_, call] { control->submit(*call); });
    return future.get();
}

void ClientCore::distrust(const Error& why) {
    loop_->post([control = control_, why] { control->fail(why); });
}

bool ClientCore::may_try_again(ErrorCode code, Effect effect) noexcept {
    switch (code) {
        case ErrorCode::throttled:
        case ErrorCode::shutting_down:
            return true;
        case ErrorCode::disconnected:
            return effect == Effect::query;
        default:
            return false;
    }
}

Result<std::vector<TopicMetadata>> ClientCore::topics(const std::vector<std::string>& names) {
    std::vector<TopicMetadata> all;
    std::span<const std::string> rest(names);
    while (!rest.empty()) {
        const auto some = rest.first(std::min(rest.size(), kRequestTablesMax - 1));
        rest = rest.subspan(some.size());
        auto answer = ask(encode_metadata(some), Effect::query, decode_metadata);
        if (!answer) return answer.error();
        if (answer->size() != some.size()) {
            return malformed_response("another number of topics than the request");
        }
        for (std::size_t i = 0; i < some.size(); ++i) {
            auto& topic = (*answer)[i];
            topic.name = some[i];
            if (topic.error.code != ErrorCode::none && topic.error.message.empty()) {
                topic.error.message =
                        "Topic " + some[i] + ": " + std::string(sentence_of(topic.error.code));
            }
            all.push_back(std::move(topic));
        }
    }
    return all;
}

}  // namespace detail

Client::Client(std::shared_ptr<detail::ClientCore> core) noexcept : core_(std::move(core)) {}

Result<Client> Client::connect(const ClientOptions& options) {
    auto core = detail::ClientCore::connect(options);
    if (!core) return core.error();
    return Client(*std::move(core));
}

std::string Client::address() const {
    return core_->control()->address();
}

}  // namespace millrace
