// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/durable_file.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace millrace::broker {

namespace {

int write_all(int descriptor, std::string_view content) {
    while (!content.empty()) {
        const auto written = write(descriptor, content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return errno != 0 ? errno : EIO;
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

int write_file(const std::filesystem::path& file, std::string_view content, bool durable) {
    const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0) return errno;
    int error = write_all(descriptor, content);
    if (error == 0 && durable && fsync(descriptor) != 0) error = errno;
    if (close(descriptor) != 0 && error == 0) error = errno;
    return error;
}

int sync_folder(const std::filesystem::path& folder) {
    const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return errno;
    const int error = fsync(descriptor) != 0 ? errno : 0;
    close(descriptor);
    return error;
}

}  // namespace

int replace_file(const std::filesystem::path& file, std::string_view content, bool durable) {
    auto temporary = file;
    temporary += ".tmp";
    if (const int error = write_file(temporary, content, durable); error != 0) return error;
    if (std::rename(temporary.c_str(), file.c_str()) != 0) return errno;
    const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    return durable ? sync_folder(folder) : 0;
}

}  // namespace millrace::broker
