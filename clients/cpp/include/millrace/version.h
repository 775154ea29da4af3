// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "millrace/export.h"

namespace millrace {

// "0.1.0": of the library that runs, not of the headers it was compiled against.
[[nodiscard]] MILLRACE_API const char* version() noexcept;

}  // namespace millrace
