// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// How one shard speaks to another: hand over a task that runs on the other's thread.
#pragma once

#include <cstdint>

namespace millrace::engine {

struct PostedTask {
    void (*run)(PostedTask& task) noexcept = nullptr;  // On the receiving shard's thread, once.
    PostedTask* next = nullptr;                        // The mailbox's; null while idle.
};

// Thread: any. Order: tasks from one shard to another run in the order posted.
class ShardPost {
public:
    virtual ~ShardPost() = default;

    // Takes the task until it has run. Its memory is the poster's (or frees itself in run).
    virtual void post(std::uint32_t shard, PostedTask& task) noexcept = 0;

    [[nodiscard]] virtual std::uint32_t shard_count() const noexcept = 0;

protected:
    ShardPost() = default;
    ShardPost(const ShardPost&) = default;
    ShardPost& operator=(const ShardPost&) = default;
};

}  // namespace millrace::engine
