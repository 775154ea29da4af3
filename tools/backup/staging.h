// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A backup's files in a broker's data directory, where the broker adopts them from.
#pragma once

#include "tools/backup/files.h"
#include "tools/backup/manifest.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace millrace::backup {

// Whether the backup's files are whole: its checkpoint and manifest say the same, every batch and
// every index entry is right. `more`: asked now and then; false ends it. Errors: a sentence that
// names the file.
[[nodiscard]] Outcome<void> check(const std::filesystem::path& backup,
                                  const Manifest& manifest,
                                  const std::function<bool(std::uint64_t bytes)>& more);

// What is left of the copies goes when it is destroyed.
class Staging {
public:
    // `name`: a-z, 0-9 and '-'.
    Staging(const std::filesystem::path& data, std::string name);
    ~Staging();
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;

    // Copies everything, never links: the broker goes on writing in the last segments.
    [[nodiscard]] Outcome<void> fill(const std::filesystem::path& backup,
                                     const std::function<bool(std::uint64_t bytes)>& more);

    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    std::string name_;
    std::filesystem::path directory_;
};

// Said when `more` was false.
inline constexpr const char* kInterrupted = "interrupted";

}  // namespace millrace::backup
