// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace produce --atomic FILE: the lines of a file as one atomic append.
#pragma once

#include "tools/millrace/session.h"

#include <string>

namespace millrace::cli {

// Each line is {"topic","partition","key","value"}, and may have "headers" and "timestamp"; without
// a partition the key chooses. All are stored or none; the answer is one JSON object,
// {"records":[{"line","topic","partition","offset"}]}. `file`: "-" is standard input.
ExitCode produce_atomically(const Session& session, const std::string& file);

}  // namespace millrace::cli
