// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One request on its way to its answer.
//
// Lifecycle:   begin when the frame came, finish exactly once. Owned by its handler.
// Thread:      its connection's shard.
#pragma once

#include "broker/request/client_connection.h"
#include "engine/buffer.h"
#include "engine/clock.h"
#include "schemas/wire/errors.h"
#include "schemas/wire/frame.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace millrace::broker {

class RequestContext;
struct ApiCounters;

class Call {
public:
    void begin(RequestContext& context,
               ClientConnection& connection,
               const wire::FrameHeader& header);

    // Queues the response: a table, or a message of fixed layout. Nothing happens when the
    // connection is closed, or wants no answer. A table over the limit becomes an error.
    void send_table(engine::Bytes table, std::span<const engine::Slice> payload = {}) noexcept;
    void send_fixed(engine::Bytes message) noexcept;

    // A response that is an error as a whole. An empty message stands for the code's sentence.
    void send_error(wire::ErrorCode code, std::string_view message) noexcept;

    // The same for a request that cannot be carried out at all: one that wants no answer closes its
    // connection, as there is no other way to say it.
    void refuse(wire::ErrorCode code, std::string_view message) noexcept;

    // What became of a row of the answer, for the counts; an answer that is an error as a whole
    // counts by itself.
    void count_error(wire::ErrorCode code) noexcept;

    // The log has done its part of the request.
    void log_done() noexcept;

    // Gives the request's share of the connection's limits back.
    void finish() noexcept;

    [[nodiscard]] RequestContext& context() const noexcept { return *context_; }

    [[nodiscard]] ClientConnection& connection() const noexcept { return *connection_; }

    // Null when the connection is closed.
    [[nodiscard]] Peer* peer() const noexcept { return connection_->peer; }

    [[nodiscard]] const wire::FrameHeader& header() const noexcept { return header_; }

private:
    void send(engine::Bytes table,
              std::uint32_t table_bytes,
              std::span<const engine::Slice> payload) noexcept;

    RequestContext* context_ = nullptr;
    ClientConnection* connection_ = nullptr;
    wire::FrameHeader header_;
    ApiCounters* counters_ = nullptr;
    engine::MonotonicTime began_{};
    bool refused_ = false;
};

}  // namespace millrace::broker
