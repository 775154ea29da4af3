// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/suggestion.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace millrace::cli {

namespace {

// Levenshtein's distance.
std::size_t distance(std::string_view one, std::string_view other) {
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < one.size(); ++i) {
        auto diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < other.size(); ++j) {
            const std::size_t replaced = diagonal + (one[i] == other[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

}  // namespace

std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& known) {
    std::vector<std::pair<std::size_t, std::string>> found;
    for (const auto& candidate : known) {
        const auto away = distance(word, candidate);
        if (away <= std::max<std::size_t>(2, word.size() / 3)) found.emplace_back(away, candidate);
    }
    std::ranges::sort(found);
    std::vector<std::string> result;
    for (auto& [away, candidate] : found) {
        if (result.size() < 3) result.push_back(std::move(candidate));
    }
    return result;
}

}  // namespace millrace::cli
