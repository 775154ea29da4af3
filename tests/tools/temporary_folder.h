// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A folder of a test's own, removed with what it holds.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace millrace::cli {

class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string pattern =
                (std::filesystem::temp_directory_path() / "millrace-test-XXXXXX").string();
        path_ = mkdtemp(pattern.data());
    }

    ~TemporaryFolder() { std::filesystem::remove_all(path_); }

    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

}  // namespace millrace::cli
