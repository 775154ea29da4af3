// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// An append of a CrashRun on its way.
#pragma once

#include "engine/atomic_append.h"
#include "engine/format/batch_builder.h"
#include "tests/crash/crash_run.h"

#include <algorithm>
#include <vector>

namespace millrace::testing {

// One batch of at least `bytes`, unlike any other.
[[nodiscard]] std::vector<std::byte> make_batch(std::mt19937_64& random,
                                                std::uint32_t bytes,
                                                engine::TimestampMs timestamp,
                                                const engine::ProducerStamp& producer);

// Ascends with the offset, however many crashes lie in between.
[[nodiscard]] inline engine::TimestampMs timestamp_at(engine::Offset offset) {
    return 1'600'000'000'000 + offset.value * 10;
}

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

// An atomic append of a CrashRun on its way.
struct CrashRun::Atomic {
    engine::AtomicAppendOp op;
    CrashRun* run = nullptr;
    std::vector<std::size_t> logs;
    std::vector<std::vector<std::byte>> batches;
    std::vector<engine::AtomicPart> parts;
    std::vector<engine::Offset> bases;  // Where they should go.

    // The log has given its part an offset.
    [[nodiscard]] bool holds(std::size_t log) const {
        const auto at = std::ranges::find(logs, log) - logs.begin();
        return parts[static_cast<std::size_t>(at)].base_offset.value >= 0;
    }
};

}  // namespace millrace::testing
