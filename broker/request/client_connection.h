// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What the request layer knows of one connection.
//
// Lifecycle:   from Peer's opened() until it is closed and its last request is done.
// Thread:      its shard's.
#pragma once

#include "broker/net/frame_handler.h"

#include <atomic>
#include <cstdint>
#include <vector>

namespace millrace::broker {

class Fetch;

struct ClientConnection {
    Peer* peer = nullptr;  // Null when closed: answers go nowhere.
    bool said_hello = false;
    // Of its requests that wait for room, on all shards. Not set to 0 for the next connection: what
    // is added is always taken away again.
    std::atomic<std::uint64_t> parked_bytes{0};
    std::uint32_t calls = 0;       // Requests not finished yet, and fetch sessions.
    std::vector<Fetch*> sessions;  // Fetch sessions, oldest use first.
    std::vector<Fetch*> held;      // Fetches that wait until what is queued has been sent.
};

}  // namespace millrace::broker
