// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

namespace millrace::broker {

// A turn of a shard's loop ends before the loop polls again, and early when much has been read in
// it: connections say so, so that what was appended is on its way to the disk.
class LoopTurn {
public:
    virtual ~LoopTurn() = default;
    LoopTurn(const LoopTurn&) = delete;
    LoopTurn& operator=(const LoopTurn&) = delete;

    virtual void over() noexcept = 0;

protected:
    LoopTurn() = default;
};

}  // namespace millrace::broker
