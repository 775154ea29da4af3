// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// From settings to NodeOptions: built-in defaults, then the file, the environment, the command
// line; the last one wins. Everything wrong is found in one go.
#pragma once

#include "broker/base/node_options.h"
#include "broker/config/machine.h"

#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace millrace::broker {

struct ConfigInputs {
    std::optional<std::filesystem::path> file;
    const char* const* environment = nullptr;             // As environ.
    std::vector<std::string> assignments;                 // Of --set, in order.
    std::optional<std::filesystem::path> data_directory;  // Of --data-dir: stronger than all.
    std::filesystem::path working_directory;              // Where paths of the command line begin.
};

// Sentences, each beginning with the place it speaks of.
using ConfigProblems = std::vector<std::string>;

// Reads the file and nothing else; the data directory is neither made nor looked at.
// wal_bytes stays 0 when nobody set it: its default needs the file system (see DerivedSizes).
[[nodiscard]] std::expected<NodeOptions, ConfigProblems> load_config(const ConfigInputs& inputs,
                                                                     const Machine& machine);

}  // namespace millrace::broker
