// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Appends of one log that wait for a mark (memory, written or flushed) to pass them, in order.
#pragma once

#include "engine/log.h"

namespace millrace::engine {

// Thread: the shard's. The operations are their callers' and are linked through AppendOp::next.
class PendingAcks {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    // Requires: op.end_offset is not below that of the operation queued before.
    void push(AppendOp& op) noexcept;

    // Runs done of every operation that ends at or below `mark`. They may append anew.
    void complete(Offset mark) noexcept;

    // Runs done of all of them.
    void fail(Error error) noexcept;

private:
    [[nodiscard]] AppendOp& pop() noexcept;

    AppendOp* first_ = nullptr;
    AppendOp* last_ = nullptr;
};

}  // namespace millrace::engine
