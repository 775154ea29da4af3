// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What a connection calls when a frame is whole, and how an answer goes back. The joint between
// broker/net (sockets, no FlatBuffers) and broker/request (FlatBuffers, no sockets).
#pragma once

#include "broker/base/receive_buffer.h"
#include "engine/buffer.h"
#include "engine/types.h"
#include "schemas/wire/frame.h"

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

namespace millrace::broker {

struct IncomingFrame {
    wire::FrameHeader header;  // Magic, version, flags and lengths already checked.
    engine::Bytes table;       // 8-aligned, contiguous; borrowed from `buffer`.
    engine::Bytes payload;     // Borrowed from `buffer`.
    ReceiveRef buffer;
};

// A connection as its handler sees it.
// Thread:     its shard's.
// Lifecycle:  alive until FrameHandler::closed() has returned; a handler with requests in flight
//             keeps them and answers into the void by asking `open` first (see token).
class Peer {
public:
    virtual ~Peer() = default;
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    // Queues a response: header.frame_bytes, magic, version and the response flag are filled in.
    // The table is copied (it is small); slices are referenced until sent, never copied.
    // Responses leave in the order of these calls. No allocation in steady state.
    virtual void send(const wire::FrameHeader& header,
                      engine::Bytes table,
                      std::span<const engine::Slice> payload) noexcept = 0;

    // Every request frame given to the handler is finished exactly once: its share of the
    // connection's in-flight limits (requests, bytes) is given back. Reading resumes when it may.
    virtual void finish_request(std::uint32_t frame_bytes) noexcept = 0;

    // From now on frames up to the connection's full limit are taken (authenticated).
    virtual void set_authenticated() noexcept = 0;

    // Closes after what is queued has been sent, or at once. The reason goes to the log.
    virtual void close(std::string_view reason, bool send_queued) noexcept = 0;

    // Payload bytes queued and not yet sent: a fetch handler holds back beyond 1 MiB.
    [[nodiscard]] virtual std::uint64_t unsent_bytes() const noexcept = 0;

    // Host and port the client dialled ("127.0.0.1", 9192); empty for a Unix socket.
    [[nodiscard]] virtual std::string_view local_host() const noexcept = 0;
    [[nodiscard]] virtual std::uint16_t local_port() const noexcept = 0;
    [[nodiscard]] virtual std::string_view listener_name() const noexcept = 0;
    // For the log: "127.0.0.1:40112" or "unix uid 1000".
    [[nodiscard]] virtual std::string_view remote_name() const noexcept = 0;

    void* handler_state = nullptr;  // The handler's own, set in opened().

    // Bytes of requests that wait for room to be appended; the handler's, set in opened(), valid
    // until closed(), counted on any shard. Beyond 2 MiB the connection is not read; each of those
    // requests is finished later, and then it is looked at again.
    const std::atomic<std::uint64_t>* parked_bytes = nullptr;

protected:
    Peer() = default;
};

// One per shard. All calls on the shard's thread.
class FrameHandler {
public:
    virtual ~FrameHandler() = default;
    virtual void opened(Peer& peer) noexcept = 0;
    virtual void frame(Peer& peer, IncomingFrame&& frame) noexcept = 0;
    // What was queued has drained below the limit: a held-back fetch may go on.
    virtual void drained(Peer& peer) noexcept = 0;
    // The last call for this peer; it is destroyed after it returns.
    virtual void closed(Peer& peer) noexcept = 0;

protected:
    FrameHandler() = default;
    FrameHandler(const FrameHandler&) = default;
    FrameHandler& operator=(const FrameHandler&) = default;
};

}  // namespace millrace::broker
