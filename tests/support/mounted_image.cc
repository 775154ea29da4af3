// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/mounted_image.h"

#include "tests/support/child_process.h"

#include <cstdlib>
#include <fstream>
#include <sched.h>
#include <stdexcept>
#include <string_view>
#include <sys/mount.h>
#include <unistd.h>

namespace millrace::testing {

void leave_others_mounts() {
    static const bool left = unshare(CLONE_NEWNS) == 0 &&
                             mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    static_cast<void>(left);
}

MountedImage::MountedImage(const std::filesystem::path& folder,
                           std::uintmax_t bytes,
                           std::vector<std::string> make)
        : image_(folder / "image"), mounted_(folder / "mounted") {
    std::ofstream(image_).close();
    std::filesystem::resize_file(image_, bytes);  // Sparse.
    std::filesystem::create_directories(mounted_);
    make.push_back(image_);
    const auto made = run_command(make);
    if (made.status != 0) throw std::runtime_error(make.front() + ": " + made.errors);
    leave_others_mounts();
    const auto mount = run_command({"mount", "-o", "loop", image_, mounted_});
    if (mount.status != 0) refusal_ = "mount: " + mount.errors;
}

MountedImage::~MountedImage() {
    if (refusal_.empty()) run_command({"umount", mounted_});
}

bool must_mount() {
    const char* value = std::getenv("CI");
    return geteuid() == 0 && value != nullptr && std::string_view(value) == "true";
}

}  // namespace millrace::testing
