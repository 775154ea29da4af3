// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace millrace::broker {

// The candidate with the fewest insertions, deletions, replacements and swaps of neighbours;
// empty when none is close enough to be what was meant.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> candidates);

}  // namespace millrace::broker
