// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Ids of idempotent producers, none of which is given twice. They come from blocks that the
// metadata log reserves; what a crash leaves of a block is never given.
//
// Thread:      shard 0's.
// Durability:  a block is given from once its record is flushed.
#pragma once

#include "broker/cluster/topic_command.h"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace millrace::broker {

inline constexpr std::int64_t kProducerIdBlock = 1000;

// Somebody who wants an id. Owned by the caller, kept still until `done` has run, on shard 0's
// thread, exactly once.
struct ProducerIdRequest {
    void (*done)(ProducerIdRequest& request) noexcept = nullptr;
    void* owner = nullptr;

    // Out.
    CatalogProblem problem = CatalogProblem::none;
    std::string message;  // A sentence, with a problem.
    std::int64_t producer_id = -1;
};

class ProducerIds {
public:
    // Answers at once while the block lasts.
    void ask(ProducerIdRequest& request);

    // Somebody waits for a block that is not being reserved yet.
    [[nodiscard]] bool wants_block() const noexcept { return !reserving_ && !waiting_.empty(); }

    // A block is on its way into the metadata log.
    void reserving() noexcept { reserving_ = true; }

    // It is flushed: ids from `first` on are given. Requires: reserving().
    void reserved(std::int64_t first) noexcept;

    // There is none: everybody who waits is refused.
    void refuse(CatalogProblem problem, std::string_view message);

private:
    void give() noexcept;

    std::deque<ProducerIdRequest*> waiting_;
    std::int64_t next_ = 0;
    std::int64_t end_ = 0;
    bool reserving_ = false;
};

}  // namespace millrace::broker
