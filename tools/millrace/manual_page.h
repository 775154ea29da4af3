// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The manual's pages, in man(7), out of the command tree: one for millrace, one for each noun.
#pragma once

#include "tools/millrace/command_outline.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

// "millrace", "millrace-topic", ...
[[nodiscard]] std::vector<std::string> manual_pages(const CommandOutline& root);

// Nothing when there is no such page. The same version gives the same bytes: no date is in it.
[[nodiscard]] std::optional<std::string> manual_page(const CommandOutline& root,
                                                     std::string_view page,
                                                     std::string_view version);

// Text in which roff finds no command and every character stands for itself.
[[nodiscard]] std::string roff_text(std::string_view text);

}  // namespace millrace::cli
