// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/leader_epoch_file.h"

#include <charconv>

namespace millrace::engine {

namespace {

// The number at the front, ended by `end`; both are taken away.
template <class Number>
std::optional<Number> take_number(std::string_view& text, char end) noexcept {
    Number number = 0;
    const auto [position, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto used = static_cast<std::size_t>(position - text.data());
    if (error != std::errc() || used == text.size() || text[used] != end) return std::nullopt;
    text.remove_prefix(used + 1);
    return number;
}

}  // namespace

std::string encode_leader_epochs(std::span<const EpochRow> epochs) {
    std::string text = "0\n" + std::to_string(epochs.size()) + "\n";
    for (const auto& row : epochs) {
        text += std::to_string(row.epoch) + " " + std::to_string(row.start.value) + "\n";
    }
    return text;
}

std::optional<std::vector<EpochRow>> decode_leader_epochs(std::string_view text) {
    if (take_number<int>(text, '\n') != 0) return std::nullopt;
    const auto count = take_number<std::size_t>(text, '\n');
    if (!count) return std::nullopt;
    std::vector<EpochRow> rows;
    while (!text.empty()) {
        const auto epoch = take_number<LeaderEpoch>(text, ' ');
        const auto start = take_number<std::int64_t>(text, '\n');
        if (!epoch || !start || *epoch < 0 || *start < 0) return std::nullopt;
        const EpochRow row{*epoch, Offset(*start)};
        if (!rows.empty() && (row.epoch <= rows.back().epoch || row.start <= rows.back().start)) {
            return std::nullopt;
        }
        rows.push_back(row);
    }
    if (rows.size() != *count) return std::nullopt;
    return rows;
}

}  // namespace millrace::engine
