// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What one log has promised an atomic append: offsets, epoch and time of its batches.
#pragma once

#include "engine/log.h"
#include "engine/log/batch_admission.h"

#include <optional>

namespace millrace::engine {

struct LogHold {
    // In.
    Bytes batches;  // Borrowed for the call.
    std::optional<Offset> expected_offset;

    // Out: what admit_batches() is to write, and with what it was checked. `end` is set.
    LogConfig config;
    Admission admission;
    Offset log_start;
    std::optional<TimestampFault> timestamp_fault;  // After invalid_timestamp.
};

}  // namespace millrace::engine
