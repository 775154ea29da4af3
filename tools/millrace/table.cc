// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <sys/ioctl.h>
#include <unistd.h>

namespace millrace::cli {

namespace {

bool is_number(const std::string& cell) {
    return !cell.empty() && cell.find_first_not_of("0123456789,.- KMGTiB") == std::string::npos &&
           cell.find_first_of("0123456789") != std::string::npos;
}

}  // namespace

std::size_t terminal_width() noexcept {
    winsize size{};
    if (isatty(STDOUT_FILENO) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
    return size.ws_col;
}

void Table::add(std::vector<std::string> cells) {
    rows_.push_back(std::move(cells));
}

std::string Table::text() const {
    std::vector<std::size_t> widths(headings_.size());
    std::vector<bool> right(headings_.size(), !rows_.empty());
    for (std::size_t column = 0; column < headings_.size(); ++column) {
        widths[column] = headings_[column].size();
        for (const auto& row : rows_) {
            widths[column] = std::max(widths[column], row[column].size());
            right[column] = right[column] && is_number(row[column]);
        }
    }
    std::string text;
    const auto limit = terminal_width();
    const auto append = [&](const std::vector<std::string>& cells) {
        std::string line;
        for (std::size_t column = 0; column < cells.size(); ++column) {
            if (column > 0) line += "  ";
            line += right[column] ? fmt::format("{:>{}}", cells[column], widths[column])
                                  : fmt::format("{:<{}}", cells[column], widths[column]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        if (limit != 0 && line.size() > limit) line.resize(limit);
        text += line + "\n";
    };
    append(headings_);
    for (const auto& row : rows_)
        append(row);
    return text;
}

}  // namespace millrace::cli
