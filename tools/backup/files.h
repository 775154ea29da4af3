// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Files that are on stable storage when the call returns; their names are once sync_directory() of
// their folder has returned. Errors: a sentence that names the file.
#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace millrace::backup {

template <class T>
using Outcome = std::expected<T, std::string>;

// A hard link, or a copy where there can be none (another file system). True: it is a link.
// None: `from` is not there.
[[nodiscard]] Outcome<std::optional<bool>> link_or_copy(const std::filesystem::path& from,
                                                        const std::filesystem::path& to);

// Blocks are shared where the file system can do that. `to` must not be there.
[[nodiscard]] Outcome<void> copy_synced(const std::filesystem::path& from,
                                        const std::filesystem::path& to);

[[nodiscard]] Outcome<void> write_synced(const std::filesystem::path& file,
                                         std::span<const std::byte> bytes);

// With those above it. An existing one is no error.
[[nodiscard]] Outcome<void> make_directory(const std::filesystem::path& directory);

[[nodiscard]] Outcome<void> sync_directory(const std::filesystem::path& directory);

}  // namespace millrace::backup
