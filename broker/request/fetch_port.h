// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The part of a fetch on one shard, and the messages to and from it.
//
// Thread:      while `away` the part and what is carried out are its shard's; all else is the
//              fetch's own shard's.
#pragma once

#include "broker/request/fetch.h"

namespace millrace::broker {

struct Fetch::Port {
    enum class Order : std::uint8_t { poll, release };

    struct Message : engine::PostedTask {
        Port* port = nullptr;
    };

    Port(Fetch& owner, RequestContext& target_context, std::uint32_t target_shard)
            : fetch(owner),
              target(target_context),
              part(target_context, owner.context_.cluster().post, target_shard) {
        part.owner = this;
        part.answered = &Fetch::port_answered;
        request.port = this;
        collect.port = this;
    }

    [[nodiscard]] bool local() const noexcept { return &target == &fetch.context_; }

    void post_home(Message& message, void (*run)(engine::PostedTask&) noexcept) noexcept {
        message.run = run;
        fetch.context_.cluster().post.post(fetch.context_.shard(), message);
    }

    void post_there(Message& message, void (*run)(engine::PostedTask&) noexcept) noexcept {
        message.run = run;
        fetch.context_.cluster().post.post(target.shard(), message);
    }

    // On the part's shard.
    void carry_out() noexcept {
        if (order == Order::release) {
            part.reset();
            return done();
        }
        part.apply(changes, keyed);
        changes.clear();
        part.poll(target.stopping() ? 0 : bytes_min, bytes_max, every_row);
    }

    // On the part's shard: the order is carried out.
    void done() noexcept {
        if (local()) return fetch.port_is_back(*this);
        post_home(request, [](engine::PostedTask& task) noexcept {
            auto& port = *static_cast<Message&>(task).port;
            port.fetch.port_is_back(port);
        });
    }

    Fetch& fetch;
    RequestContext& target;
    FetchPart part;
    Message request;
    Message collect;
    std::vector<FetchChange> changes;
    Order order = Order::poll;
    std::uint32_t bytes_min = 0;
    std::uint32_t bytes_max = 0;
    bool keyed = false;
    bool every_row = false;
    bool reset_when_answered = false;
    bool in_use = false;  // Has, or is about to get, partitions.
    bool away = false;
    bool collect_away = false;
};

}  // namespace millrace::broker
