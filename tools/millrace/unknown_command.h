// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A wrong word where a command is expected, found before anything else is parsed.
#pragma once

#include <CLI/App.hpp>
#include <optional>
#include <string>

namespace millrace::cli {

// The sentence for the first unknown command word, with the nearest known ones.
[[nodiscard]] std::optional<std::string> unknown_command(CLI::App& root, int argc, char** argv);

}  // namespace millrace::cli
