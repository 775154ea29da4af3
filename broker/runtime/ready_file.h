// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The file that tells scripts that the broker serves, and where. Its form is a contract.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::broker {

struct ReadyState {
    std::string_view version;
    std::string_view io;
    std::uint32_t shards = 0;
    std::vector<std::pair<std::string, std::string>> listeners;  // Name and address.
};

// By rename: whoever sees the file sees all of it. Returns 0 or errno.
[[nodiscard]] int write_ready_file(const std::filesystem::path& file, const ReadyState& state);

}  // namespace millrace::broker
