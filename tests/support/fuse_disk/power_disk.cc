// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/fuse_disk/power_disk.h"

#include "tests/support/mounted_image.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <system_error>
#include <unistd.h>

namespace millrace::testing {

namespace {

// ext4's and XFS's alike: EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN; the log is not flushed.
constexpr unsigned long kShutDown = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t kWithoutLogFlush = 2;

constexpr int kUnmountTries = 1000;

// A killed process that used io_uring is reaped before the kernel has let go of its files.
CommandResult unmount_when_free(const std::filesystem::path& place) {
    auto result = run_command({"umount", place});
    for (int tries = 1; result.status != 0 && tries < kUnmountTries; ++tries) {
        if (result.errors.find("busy") == std::string::npos) break;
        poll(nullptr, 0, 5);
        result = run_command({"umount", place});
    }
    return result;
}

void run(const std::vector<std::string>& command) {
    const auto result = run_command(command);
    if (result.status == 0) return;
    throw std::runtime_error(command.front() + ": " + result.errors + result.output);
}

std::filesystem::path server_path() {
    const char* path = std::getenv("MILLRACE_TEST_FUSE_DISK");
    if (path == nullptr) throw std::runtime_error("MILLRACE_TEST_FUSE_DISK is not set");
    return path;
}

}  // namespace

PowerDisk::PowerDisk(std::filesystem::path folder, std::uint64_t bytes, std::string file_system)
        : folder_(std::move(folder)), bytes_(bytes), file_system_(std::move(file_system)) {
    if (geteuid() != 0) {
        refusal_ = "mounting a file system needs root";
    } else if (access("/dev/fuse", R_OK | W_OK) != 0 || access("/dev/loop-control", R_OK) != 0) {
        refusal_ = "there is no /dev/fuse or no /dev/loop-control";
    } else {
        leave_others_mounts();
        make();
        serve();
        if (refusal_.empty()) mount();
    }
}

PowerDisk::~PowerDisk() {
    if (refusal_.empty()) unmount_when_free(path());
    unmount_when_free(folder_ / "fuse");
}

// The server is ready when its files are seen; it ends by itself when it cannot mount.
void PowerDisk::serve() {
    const auto mounted = folder_ / "fuse";
    server_ = ChildProcess(
            {.command = {server_path(), folder_ / "stable", std::to_string(bytes_), mounted},
             .environment = {},
             .output = folder_ / "fuse.log",
             .input = {}});
    while (!std::filesystem::exists(mounted / "control")) {
        pollfd ended{.fd = server_.descriptor(), .events = POLLIN, .revents = 0};
        if (poll(&ended, 1, 1) == 0) continue;
        refusal_ = "the FUSE disk cannot be mounted: " + read_file(folder_ / "fuse.log");
        return;
    }
}

void PowerDisk::make() const {
    std::filesystem::create_directories(folder_ / "fuse");
    std::filesystem::create_directories(path());
    const std::string image = folder_ / "stable";
    std::ofstream(image).close();
    std::filesystem::resize_file(image, bytes_);  // Sparse.
    run({"mkfs." + file_system_, "-q", file_system_ == "xfs" ? "-f" : "-F", image});
}

void PowerDisk::mount() const {
    run({"mount", "-t", file_system_, "-o", "loop", folder_ / "fuse/disk", path()});
}

void PowerDisk::unmount() const {
    const auto result = unmount_when_free(path());
    if (result.status != 0) throw std::runtime_error("umount: " + result.errors);
}

void PowerDisk::control(const std::string& command) const {
    const auto file = folder_ / "fuse/control";
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
    const auto put = ::write(descriptor, command.data(), command.size());
    const int error = errno;
    ::close(descriptor);
    if (put == static_cast<ssize_t>(command.size())) return;
    throw std::system_error(error, std::generic_category(), "the FUSE disk's control");
}

void PowerDisk::cut_power(std::uint64_t seed) const {
    control("cut " + std::to_string(seed));
}

void PowerDisk::restore() {
    const int folder = ::open(path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto flags = kWithoutLogFlush;
    const int failed = ::ioctl(folder, kShutDown, &flags);
    const int error = errno;
    ::close(folder);
    if (failed != 0) throw std::system_error(error, std::generic_category(), "shutdown ioctl");
    unmount();
    control("on");
    mount();
}

std::uint64_t PowerDisk::count(const std::string& what) const {
    std::istringstream lines(read_file(folder_ / "fuse/control"));
    std::string name;
    std::uint64_t value = 0;
    while (lines >> name >> value) {
        if (name == what) return value;
    }
    throw std::runtime_error("the FUSE disk does not count " + what);
}

}  // namespace millrace::testing
