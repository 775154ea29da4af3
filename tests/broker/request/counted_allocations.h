// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace millrace::testing {

// Calls of operator new so far, in a program that counts them.
[[nodiscard]] std::uint64_t counted_allocations() noexcept;

}  // namespace millrace::testing
