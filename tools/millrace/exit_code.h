// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Exit codes of every command: scripts rely on them.
#pragma once

#include "millrace/error.h"

namespace millrace::cli {

enum class ExitCode : int {
    ok = 0,
    failed = 1,
    usage = 2,
    not_found = 3,
    exists = 4,
    denied = 5,
    unreachable = 6,  // Or timed out.
    conflict = 7,
    partly_done = 8,
    interrupted = 130,
};

[[nodiscard]] ExitCode exit_code_of(ErrorCode code) noexcept;

}  // namespace millrace::cli
