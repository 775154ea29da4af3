// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/backup/files.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace millrace::backup {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCopyBytes = 1U << 20;

std::unexpected<std::string> failed(std::string_view what, const fs::path& file, int error) {
    return std::unexpected(fmt::format(
            "{} cannot be {}: {}.", file.string(), what, std::generic_category().message(error)));
}

class Descriptor {
public:
    Descriptor(const fs::path& file, int flags) : number_(open(file.c_str(), flags, 0644)) {}

    ~Descriptor() {
        if (number_ >= 0) close(number_);
    }

    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    explicit operator bool() const { return number_ >= 0; }

    [[nodiscard]] int number() const { return number_; }

private:
    int number_;
};

bool write_all(int descriptor, const std::byte* data, std::size_t bytes) {
    while (bytes > 0) {
        const auto written = ::write(descriptor, data, bytes);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        data += written;
        bytes -= static_cast<std::size_t>(written);
    }
    return true;
}

// Through memory, where the kernel does not copy from one file system to the other.
bool copy_bytes(int from, int to) {
    std::vector<std::byte> buffer(kCopyBytes);
    for (;;) {
        const auto got = read(from, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got == 0;
        if (!write_all(to, buffer.data(), static_cast<std::size_t>(got))) return false;
    }
}

bool copy_all(int from, int to) {
    for (;;) {
        const auto copied = copy_file_range(from, nullptr, to, nullptr, std::size_t{1} << 30, 0);
        if (copied == 0) return true;
        if (copied > 0 || errno == EINTR) continue;
        const bool cannot = errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
                            errno == EOPNOTSUPP || errno == EBADF;
        return cannot && copy_bytes(from, to);
    }
}

}  // namespace

Outcome<void> copy_synced(const fs::path& from, const fs::path& to) {
    const Descriptor source(from, O_RDONLY | O_CLOEXEC);
    if (!source) return failed("opened", from, errno);
    const Descriptor target(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC);
    if (!target) return failed("made", to, errno);
    if (!copy_all(source.number(), target.number())) return failed("written", to, errno);
    if (fsync(target.number()) != 0) return failed("synced", to, errno);
    return {};
}

Outcome<std::optional<bool>> link_or_copy(const fs::path& from, const fs::path& to) {
    if (link(from.c_str(), to.c_str()) == 0) return true;
    if (errno == ENOENT) return std::nullopt;
    // EPERM: fs.protected_hardlinks, or a file system without them.
    if (errno != EXDEV && errno != EPERM && errno != EMLINK) return failed("linked", from, errno);
    if (auto copied = copy_synced(from, to); !copied) {
        if (!fs::exists(from)) return std::nullopt;
        return std::unexpected(copied.error());
    }
    return false;
}

Outcome<void> write_synced(const fs::path& file, std::span<const std::byte> bytes) {
    const Descriptor target(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC);
    if (!target) return failed("made", file, errno);
    if (!write_all(target.number(), bytes.data(), bytes.size())) {
        return failed("written", file, errno);
    }
    if (fsync(target.number()) != 0) return failed("synced", file, errno);
    return {};
}

Outcome<void> make_directory(const fs::path& directory) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (error) return failed("made", directory, error.value());
    return {};
}

Outcome<void> sync_directory(const fs::path& directory) {
    const Descriptor folder(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!folder) return failed("opened", directory, errno);
    if (fsync(folder.number()) != 0) return failed("synced", directory, errno);
    return {};
}

}  // namespace millrace::backup
