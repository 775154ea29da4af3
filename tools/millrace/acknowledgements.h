// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Waiting for what a producer has sent, so that Ctrl-C ends the wait.
#pragma once

#include "millrace/producer.h"

#include <chrono>
#include <functional>

namespace millrace::cli {

// Returns when everything sent is acknowledged or failed, or when interrupted. Calls `tick` ten
// times a second. Errors: timed_out.
[[nodiscard]] Result<void> await_acknowledgements(Producer& producer,
                                                  std::chrono::milliseconds timeout,
                                                  const std::function<void()>& tick);

}  // namespace millrace::cli
