// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Small files as one text: checkpoints, metadata, indexes.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace millrace::segment {

// Empty when the file cannot be read: whoever checks the text then finds nothing valid in it.
[[nodiscard]] inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace millrace::segment
