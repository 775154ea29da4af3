// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Standard output as a command's data: buffered, and exact about why it takes no more.
#pragma once

#include <string>
#include <string_view>

namespace millrace::cli {

// Writes all of it to standard output. Returns 0 or errno; EPIPE: the reader has gone.
[[nodiscard]] int write_out(std::string_view text) noexcept;

class StandardOutput {
public:
    // The text to be written; flush_if_large() or flush() after appending.
    std::string& buffer() noexcept { return buffer_; }

    // False when it takes no more; error() says why.
    [[nodiscard]] bool flush() noexcept;
    [[nodiscard]] bool flush_if_large() noexcept;

    [[nodiscard]] int error() const noexcept { return error_; }

private:
    std::string buffer_;
    int error_ = 0;
};

}  // namespace millrace::cli
