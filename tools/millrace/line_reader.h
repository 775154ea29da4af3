// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Lines of a file or of standard input, of any bytes but newline.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

// Lifecycle:   open, then next() until it ends.
// Memory:      grows to the longest line, at most kLineBytesMax.
class LineReader {
public:
    static constexpr std::size_t kLineBytesMax = 64UL << 20;

    // "-" or "": standard input. Nothing when it cannot be opened; errno says why.
    [[nodiscard]] static std::optional<LineReader> open(const std::string& path);

    LineReader(LineReader&& other) noexcept;
    LineReader& operator=(LineReader&& other) noexcept;
    LineReader(const LineReader&) = delete;
    LineReader& operator=(const LineReader&) = delete;
    ~LineReader();

    // The next line, without its newline; valid until the next call. Nothing at the end, when
    // interrupted, or when reading failed: failure() then says so.
    [[nodiscard]] std::optional<std::string_view> next();

    // errno of a failed read, EMSGSIZE for a line beyond the limit; 0 otherwise.
    [[nodiscard]] int failure() const noexcept { return failure_; }

    [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }

    // Size of a regular file; 0 when it has none.
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

private:
    LineReader(int descriptor, bool owned);

    bool fill();  // False at the end or on failure.

    int descriptor_ = -1;
    bool owned_ = false;
    bool ended_ = false;
    int failure_ = 0;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;  // Of what was not returned yet.
    std::size_t end_ = 0;
    std::size_t searched_ = 0;  // No newline before it.
    std::uint64_t bytes_read_ = 0;
    std::uint64_t size_ = 0;
};

}  // namespace millrace::cli
