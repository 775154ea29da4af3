// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/standard_output.h"

#include <cerrno>
#include <unistd.h>

namespace millrace::cli {

namespace {
constexpr std::size_t kFlushBytes = 256 * 1024UL;
}

int write_out(std::string_view text) noexcept {
    while (!text.empty()) {
        const auto written = write(STDOUT_FILENO, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

bool StandardOutput::flush() noexcept {
    if (error_ == 0) error_ = write_out(buffer_);
    buffer_.clear();
    return error_ == 0;
}

bool StandardOutput::flush_if_large() noexcept {
    return buffer_.size() < kFlushBytes || flush();
}

}  // namespace millrace::cli
