// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// meta.json: whose data a directory holds, and in which format.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace millrace::broker {

inline constexpr std::uint32_t kDataFormatVersion = 1;

struct DataIdentity {
    std::array<std::uint8_t, 16> cluster_id{};
    std::int32_t node_id = 0;
};

// What to do about `why` in a data directory: "; ..." to be added to a sentence, or nothing.
[[nodiscard]] std::string_view advice_on(std::error_code why);

// Why a directory cannot be used, and what to do.
[[nodiscard]] std::string unusable_directory(const std::filesystem::path& directory,
                                             std::error_code why);

// Refuses, with a sentence, a directory that is somebody else's, of a later version, or of another
// node. Looks only; a directory that is not there or is empty is fine.
[[nodiscard]] std::expected<void, std::string> check_data_directory(
        const std::filesystem::path& directory, std::int32_t node_id);

// Reads meta.json, or makes it (durably) in a directory that has none.
// Requires: the directory's lock; check_data_directory() agreed.
[[nodiscard]] std::expected<DataIdentity, std::string> open_identity(
        const std::filesystem::path& directory, std::int32_t node_id);

// "0b8e3c1a-...": as in meta.json.
[[nodiscard]] std::string uuid_text(const std::array<std::uint8_t, 16>& uuid);

}  // namespace millrace::broker
