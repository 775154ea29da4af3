// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/config/nearest.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace millrace::broker {

namespace {

constexpr std::size_t kWordBytesMax = 128;  // Bounds the work for a hostile word.

// How many letters must be replaced, added, left out or swapped with their neighbour. Three rows of
// the table are enough: the swap looks two back. Ends early when it cannot come out below `limit`.
std::size_t distance(std::string_view from, std::string_view to, std::size_t limit) {
    std::array<std::array<std::size_t, kWordBytesMax + 1>, 3> rows{};
    for (std::size_t j = 0; j <= to.size(); ++j)
        rows[0].at(j) = j;
    for (std::size_t i = 1; i <= from.size(); ++i) {
        auto& row = rows.at(i % 3);
        const auto& before = rows.at((i - 1) % 3);
        row[0] = i;
        auto least = i;
        for (std::size_t j = 1; j <= to.size(); ++j) {
            const std::size_t replaced = before[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
            row[j] = std::min({before[j] + 1, row[j - 1] + 1, replaced});
            const bool swapped =
                    i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
            if (swapped) row[j] = std::min(row[j], rows.at((i + 1) % 3)[j - 2] + 1);
            least = std::min(least, row[j]);
        }
        if (least > limit) return least;
    }
    return rows.at(from.size() % 3)[to.size()];
}

}  // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
    if (word.size() > kWordBytesMax) return {};
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(2, word.size() / 2) + 1;
    for (const auto candidate : candidates) {
        // Of words whose lengths differ by so much none can be nearer.
        const auto [shorter, longer] = std::minmax({word.size(), candidate.size()});
        if (longer - shorter >= best_distance || longer > kWordBytesMax) continue;
        const auto candidate_distance = distance(word, candidate, best_distance);
        if (candidate_distance < best_distance) {
            best_distance = candidate_distance;
            best = candidate;
        }
    }
    return best;
}

}  // namespace millrace::broker
