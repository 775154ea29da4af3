// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Rows of one request on their way to the shards that own their partitions, and back.
//
// Lifecycle:   clear, add rows, start; joined() runs once. Then again. Kept still in between.
// Thread:      its own shard's; run_port() and what it starts on the port's shard.
// Order:       rows of one shard arrive there in the order of the requests.
#pragma once

#include "broker/request/request_context.h"
#include "engine/shard_post.h"

#include <cstdint>
#include <vector>

namespace millrace::broker {

class Scatter {
public:
    Scatter() = default;
    virtual ~Scatter() = default;
    Scatter(const Scatter&) = delete;
    Scatter& operator=(const Scatter&) = delete;

protected:
    struct Port : engine::PostedTask {
        Scatter* scatter = nullptr;
        RequestContext* target = nullptr;
        std::vector<std::uint32_t> rows;
        std::uint32_t left = 0;  // Rows not done, counted on the port's shard.
        bool away = false;       // Its rows are the port's shard's.
    };

    void clear(RequestContext& home);
    void add(const engine::PartitionKey& key, std::uint32_t row);
    // May run joined() before it returns.
    void start() noexcept;

    [[nodiscard]] Port& port_of(const engine::PartitionKey& key) noexcept {
        return ports_[home_->shard_of(key)];
    }

    // On the port's shard: start every row. row_done() exactly once for each of them.
    virtual void run_port(Port& port) noexcept = 0;
    static void row_done(Port& port) noexcept;

    // At home: all rows are done.
    virtual void joined() noexcept = 0;

private:
    static void arrive(engine::PostedTask& task) noexcept;
    static void come_back(engine::PostedTask& task) noexcept;
    static void run(Port& port) noexcept;
    void port_is_back(Port& port) noexcept;

    RequestContext* home_ = nullptr;
    std::vector<Port> ports_;  // By shard.
    std::uint32_t waiting_ = 0;
};

}  // namespace millrace::broker
