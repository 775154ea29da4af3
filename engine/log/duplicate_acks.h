// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Appends of one log that repeat earlier ones and wait, in no order, for the mark that the earlier
// one waits for.
#pragma once

#include "engine/log.h"

namespace millrace::engine {

// Thread: the shard's. The operations are their callers' and are linked through AppendOp::next.
class DuplicateAcks {
public:
    void push(AppendOp& op) noexcept;

    // Runs done of every operation that ends at or below `mark`. They may append anew.
    void complete(Offset mark) noexcept;

    // Runs done of all of them.
    void fail(Error error) noexcept;

private:
    AppendOp* first_ = nullptr;
};

}  // namespace millrace::engine
