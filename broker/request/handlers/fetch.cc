// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/handlers/fetch.h"

#include "broker/protocol/request_checks.h"
#include "broker/protocol/uuid.h"
#include "broker/protocol/verified.h"
#include "broker/request/fetch.h"
#include "broker/request/handler_pools.h"

#include <algorithm>

namespace millrace::broker {
namespace {

using wire::ErrorCode;

constexpr std::uint32_t kNoSessionEpoch = 0xFFFF'FFFF;
constexpr std::size_t kSessionsPerConnectionMax = 64;

void end_session(ClientConnection& connection, std::uint32_t session_id) {
    for (auto* session : connection.sessions) {
        if (session->session_id() != session_id) continue;
        session->end();
        return;
    }
}

// A fetch that names all it wants, with or without a session for later ones.
Fetch& begin_full(RequestContext& context,
                  ClientConnection& connection,
                  const wire::FetchRequest& request) {
    if (request.session_id() != 0) end_session(connection, request.session_id());
    auto& fetch = context.pools().fetches.take(context);
    if (request.session_epoch() == kNoSessionEpoch) return fetch;
    if (connection.sessions.size() >= kSessionsPerConnectionMax) {
        // The one whose last use is longest ago; its client opens another when it comes back.
        connection.sessions.front()->end();
    }
    fetch.begin_session(connection, context.pools().next_session_id());
    return fetch;
}

// The session's next fetch. Errors: unknown_fetch_session, invalid_fetch_session_epoch.
Checked<Fetch*> find_session(ClientConnection& connection, const wire::FetchRequest& request) {
    auto& sessions = connection.sessions;
    const auto found = std::find_if(sessions.begin(), sessions.end(), [&](const Fetch* session) {
        return session->session_id() == request.session_id();
    });
    if (found == sessions.end()) return refuse(ErrorCode::unknown_fetch_session);
    auto* session = *found;
    if (!session->idle()) {
        return refuse(ErrorCode::invalid_fetch_session_epoch,
                      "A fetch session answers one request after the other.");
    }
    if (request.session_epoch() != session->next_epoch()) {
        return refuse(ErrorCode::invalid_fetch_session_epoch);
    }
    std::rotate(found, found + 1, sessions.end());
    return session;
}

bool add_changes(Fetch& fetch, const wire::FetchRequest& request) {
    FetchChange change;
    if (request.forgotten() != nullptr) {
        change.forget = true;
        for (const auto* row : *request.forgotten()) {
            change.key = {from_wire(row->topic()), row->partition()};
            if (!fetch.change(change)) return false;
        }
    }
    if (request.partitions() == nullptr) return true;
    change.forget = false;
    std::uint32_t index = 0;
    for (const auto* row : *request.partitions()) {
        change.key = {from_wire(row->topic()), row->partition()};
        change.offset = engine::Offset(row->offset());
        change.epoch = row->leader_epoch();
        change.bytes_max = row->bytes_max();
        change.row = index++;
        if (!fetch.change(change)) return false;
    }
    return true;
}

}  // namespace

void handle_fetch(RequestContext& context,
                  ClientConnection& connection,
                  IncomingFrame&& frame) noexcept {
    Call call;
    call.begin(context, connection, frame.header);
    const auto refuse_call = [&call](const Refusal& refusal) {
        call.send_error(refusal.code, refusal.message);
        call.finish();
    };
    const auto verified = verify<wire::FetchRequest>(frame);
    if (!verified) return refuse_call(verified.error());
    const auto& request = **verified;
    const bool full = request.session_epoch() == 0 || request.session_epoch() == kNoSessionEpoch;
    Fetch* fetch = nullptr;
    if (full) {
        fetch = &begin_full(context, connection, request);
    } else {
        const auto session = find_session(connection, request);
        if (!session) return refuse_call(session.error());
        fetch = *session;
    }
    if (!add_changes(*fetch, request)) {
        fetch->end();
        return refuse_call({ErrorCode::malformed_request,
                            "The fetch session would watch too many partitions."});
    }
    FetchParameters parameters;
    parameters.bytes_min = request.bytes_min();
    parameters.bytes_max = request.bytes_max();
    parameters.wait_max_ms = request.wait_max_ms();
    parameters.every_row = full;
    fetch->start(call, parameters);
}

void continue_held_fetches(ClientConnection& connection) noexcept {
    while (!connection.held.empty() && connection.peer != nullptr &&
           connection.peer->unsent_bytes() <= kUnsentBytesMax) {
        auto* fetch = connection.held.front();
        connection.held.erase(connection.held.begin());
        fetch->go_on();
    }
}

void end_fetches(RequestContext& context, ClientConnection& connection) noexcept {
    context.pools().fetches.end_of(connection);
}

}  // namespace millrace::broker
