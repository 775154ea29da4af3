// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/assert.h"

#include <cstdio>
#include <cstdlib>

namespace millrace::engine {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
    std::fprintf(stderr, "millrace: assertion failed: %s (%s:%d)\n", condition, file, line);
    std::abort();
}

}  // namespace millrace::engine
