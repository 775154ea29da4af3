// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The arguments of millraced.
#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace millrace::broker {

struct CommandLine {
    enum class Action : std::uint8_t { run, check, version, help };
    Action action = Action::run;
    std::optional<std::filesystem::path> config;
    std::optional<std::filesystem::path> data_directory;
    std::optional<std::filesystem::path> ready_file;
    std::vector<std::string> assignments;
    bool accept_wal_loss = false;
};

// `arguments` without the program's name. Fails with a sentence.
[[nodiscard]] std::expected<CommandLine, std::string> parse_command_line(
        std::span<const char* const> arguments);

[[nodiscard]] std::string help_text();

}  // namespace millrace::broker
