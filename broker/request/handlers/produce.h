// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/partition/append_queue.h"
#include "broker/protocol/api.h"
#include "broker/protocol/request_checks.h"
#include "broker/request/call.h"
#include "broker/request/scatter.h"

#include <cstdint>
#include <vector>

namespace millrace::broker {

void handle_produce(RequestContext& context,
                    ClientConnection& connection,
                    IncomingFrame&& frame) noexcept;

// One produce request: its batches go to their shards' logs, its answer waits for all of them or
// for its deadline, whichever is first.
class Produce final : public Scatter {
public:
    void start(RequestContext& context,
               ClientConnection& connection,
               const IncomingFrame& frame,
               const wire::ProduceRequest& request);

private:
    struct Row {
        PendingAppend append;
        Port* port = nullptr;
        std::uint32_t largest_batch = 0;  // When it was refused for its size.
    };

    void run_port(Port& port) noexcept override;
    void joined() noexcept override;
    void release_buffer(Port& port) noexcept;
    void deadline_passed() noexcept;
    void respond() noexcept;
    [[nodiscard]] wire::ErrorCode code_of(const Row& row) const noexcept;
    [[nodiscard]] static std::int64_t offset_of(const Row& row, wire::ErrorCode code) noexcept;
    [[nodiscard]] std::string message_of(const Row& row, wire::ErrorCode code) const;

    Call call_;
    std::vector<Row> rows_;

    // A reference to the received bytes for each shard, until its last append has taken its own.
    struct Held {
        ReceiveRef buffer;
        std::uint32_t rows = 0;
    };

    std::vector<Held> held_;
    Timer timer_;
    bool answered_ = false;
};

}  // namespace millrace::broker
