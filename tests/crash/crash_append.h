// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// An append of a CrashRun on its way.
#pragma once

#include "tests/crash/crash_run.h"

namespace millrace::testing {

struct CrashRun::Append {
    engine::AppendOp op;
    CrashRun* run = nullptr;
    std::size_t log = 0;
    engine::Offset end;

    // Its acknowledgement goes to the run.
    void listen() {
        op.owner = this;
        op.done = [](engine::AppendOp& ended) noexcept {
            auto& done = *static_cast<Append*>(ended.owner);
            done.run->append_done(done);
        };
    }
};

}  // namespace millrace::testing
