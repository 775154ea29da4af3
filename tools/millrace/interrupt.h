// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Ctrl-C ends the work at hand, not the process: whoever waits looks at interrupted() and ends
// with a summary.
#pragma once

namespace millrace::cli {

// SIGPIPE becomes an error of write().
void ignore_closed_pipes() noexcept;

// From now on SIGINT and SIGTERM set the flag and end a blocking read, and a second one ends the
// process at once; before, the first one does.
void watch_for_interrupts() noexcept;

[[nodiscard]] bool interrupted() noexcept;

}  // namespace millrace::cli
