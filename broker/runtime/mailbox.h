// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Tasks from other threads to one loop: a lock-free list of what was posted, and a wake-up.
//
// Lifecycle:   open on the loop's thread or before it runs; close(), let the loop end, destroy.
// Thread:      post on any, all else on the loop's.
// Order:       tasks run in the order posted. What is posted after close() never runs.
#pragma once

#include "engine/shard_post.h"

#include <uv.h>

#include <atomic>
#include <cstdint>

namespace millrace::broker {

class Mailbox {
public:
    Mailbox() = default;
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;

    void open(uv_loop_t& loop);
    void close() noexcept;

    void post(engine::PostedTask& task) noexcept;

    // Runs what has been posted so far. Returns how many.
    std::size_t run() noexcept;

private:
    std::atomic<engine::PostedTask*> last_posted_{nullptr};  // A stack, turned round when taken.
    std::atomic<bool> closed_{false};
    uv_async_t wake_{};
};

}  // namespace millrace::broker
