// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Columns for people: aligned, as wide as the terminal; numbers to the right.
#pragma once

#include <string>
#include <vector>

namespace millrace::cli {

class Table {
public:
    explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}

    // As many cells as headings.
    void add(std::vector<std::string> cells);

    // The last column is cut at the terminal's width; where there is none, nothing is.
    [[nodiscard]] std::string text() const;

private:
    std::vector<std::string> headings_;
    std::vector<std::vector<std::string>> rows_;
};

// Columns of the terminal on standard output; 0 when it is none.
[[nodiscard]] std::size_t terminal_width() noexcept;

}  // namespace millrace::cli
