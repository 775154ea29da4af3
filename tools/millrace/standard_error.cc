// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/standard_error.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace millrace::cli {

void fill_standard_descriptors() noexcept {
    // open() takes the lowest number that is free.
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
        if (fcntl(number, F_GETFD) == -1 && open("/dev/null", O_RDWR) == -1) return;
    }
}

void say(std::string_view text) noexcept {
    while (!text.empty()) {
        const auto written = write(STDERR_FILENO, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace millrace::cli
