// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Ctrl-C ends the work at hand, not the process: whoever waits looks at interrupted() and ends
// with a summary.
#pragma once

namespace millrace::cli {

// SIGINT and SIGTERM set the flag and end a blocking read; SIGPIPE becomes an error of write().
// A second signal ends the process at once.
void watch_for_interrupts() noexcept;

[[nodiscard]] bool interrupted() noexcept;

}  // namespace millrace::cli
