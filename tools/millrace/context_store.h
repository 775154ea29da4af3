// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Where the user's contexts are kept: $XDG_CONFIG_HOME/millrace/contexts.toml.
//
// Durability:  a change is on the disk when change() returns; a crash leaves the old file or the
//              new one.
#pragma once

#include "tools/millrace/contexts.h"
#include "tools/millrace/failure.h"

#include <expected>
#include <filesystem>
#include <functional>
#include <optional>

namespace millrace::cli {

class ContextStore {
public:
    // `file`: empty when the environment names no place for it.
    explicit ContextStore(std::filesystem::path file) : file_(std::move(file)) {}

    // In the place that XDG_CONFIG_HOME or HOME names.
    static ContextStore of_user();

    // Without a file there are none.
    [[nodiscard]] std::expected<Contexts, Failure> read() const;

    // Reads, lets `change` change what was read, and writes it unless that failed. One at a time,
    // over all processes.
    [[nodiscard]] std::optional<Failure> change(
            const std::function<std::optional<Failure>(Contexts&)>& change) const;

private:
    std::filesystem::path file_;
};

}  // namespace millrace::cli
