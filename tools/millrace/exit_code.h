// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Exit codes of every command: scripts rely on them.
#pragma once

#include "millrace/error.h"

#include <string_view>

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

struct ExitMeaning {
    ExitCode code;
    std::string_view text;
};

// All there are, for the help and the manual.
inline constexpr ExitMeaning kExitMeanings[] = {
        {ExitCode::ok, "done"},
        {ExitCode::failed, "failed"},
        {ExitCode::usage, "usage"},
        {ExitCode::not_found, "not found"},
        {ExitCode::exists, "exists"},
        {ExitCode::denied, "denied"},
        {ExitCode::unreachable, "unreachable or timed out"},
        {ExitCode::conflict, "conflict"},
        {ExitCode::partly_done, "partly done"},
        {ExitCode::interrupted, "interrupted"},
};

[[nodiscard]] ExitCode exit_code_of(ErrorCode code) noexcept;

}  // namespace millrace::cli
