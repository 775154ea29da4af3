// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A file system of a test's own: made in a file, mounted through a loop device.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace millrace::testing {

// Lifecycle:   the destructor unmounts. The mount is one of this process and its children alone,
//              so that it also ends with a test that is killed.
// Thread:      the test's first, before it has others.
class MountedImage {
public:
    // `make`: the command that makes the file system, without the file's name.
    MountedImage(const std::filesystem::path& folder,
                 std::uintmax_t bytes,
                 std::vector<std::string> make);
    ~MountedImage();
    MountedImage(const MountedImage&) = delete;
    MountedImage& operator=(const MountedImage&) = delete;

    // Why it could not be mounted; empty: it is.
    [[nodiscard]] const std::string& refusal() const { return refusal_; }

    [[nodiscard]] const std::filesystem::path& path() const { return mounted_; }

private:
    std::filesystem::path image_;
    std::filesystem::path mounted_;
    std::string refusal_;
};

// Mounts from here on are seen by this process and its children only. Where that is not allowed,
// mounting is not either, and says why.
void leave_others_mounts();

// Nobody may pass over a test for want of a mount: root in CI (CI=true).
[[nodiscard]] bool must_mount();

}  // namespace millrace::testing
