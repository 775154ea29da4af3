// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/exit_code.h"

namespace millrace::cli {

ExitCode exit_code_of(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::none:
            return ExitCode::ok;
        case ErrorCode::unknown_topic:
        case ErrorCode::unknown_partition:
            return ExitCode::not_found;
        case ErrorCode::topic_exists:
            return ExitCode::exists;
        case ErrorCode::authentication_required:
            return ExitCode::denied;
        case ErrorCode::unreachable:
        case ErrorCode::disconnected:
        case ErrorCode::timed_out:
            return ExitCode::unreachable;
        case ErrorCode::topic_deleted:
        case ErrorCode::fenced_leader_epoch:
        case ErrorCode::unexpected_offset:
            return ExitCode::conflict;
        case ErrorCode::invalid_address:
        case ErrorCode::invalid_argument:
            return ExitCode::usage;
        default:
            return ExitCode::failed;
    }
}

}  // namespace millrace::cli
