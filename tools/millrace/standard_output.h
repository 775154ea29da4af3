// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Standard output as a command's data: buffered, and quiet when the reader has gone.
#pragma once

#include <string>
#include <string_view>

namespace millrace::cli {

class StandardOutput {
public:
    // The text to be written; flush_if_large() or flush() after appending.
    std::string& buffer() noexcept { return buffer_; }

    // False when the reader has closed the pipe: end in silence.
    [[nodiscard]] bool flush() noexcept;
    [[nodiscard]] bool flush_if_large() noexcept;

private:
    std::string buffer_;
};

// Writes all of it to standard output; false when the reader has gone.
[[nodiscard]] bool write_out(std::string_view text) noexcept;

}  // namespace millrace::cli
