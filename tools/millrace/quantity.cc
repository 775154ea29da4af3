// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/quantity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace millrace::cli {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array kCountUnits = {
        Unit{"", 1},
        Unit{"B", 1},
        Unit{"k", 1000},
        Unit{"K", 1000},
        Unit{"M", 1'000'000},
        Unit{"G", 1'000'000'000},
        Unit{"KiB", 1ULL << 10},
        Unit{"MiB", 1ULL << 20},
        Unit{"GiB", 1ULL << 30},
};

constexpr std::array kTimeUnits = {
        Unit{"ms", 1},
        Unit{"s", 1000},
        Unit{"m", 60'000},
        Unit{"h", 3'600'000},
        Unit{"d", 86'400'000},
};

template <std::size_t kUnits>
std::optional<std::uint64_t> parse(std::string_view text, const std::array<Unit, kUnits>& units) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
    while (unit.starts_with(' '))
        unit.remove_prefix(1);
    for (const auto& [name, factor] : units) {
        if (name != unit) continue;
        if (number > std::numeric_limits<std::uint64_t>::max() / factor) return std::nullopt;
        return number * factor;
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_count(std::string_view text) {
    return parse(text, kCountUnits);
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    const auto milliseconds = parse(text, kTimeUnits);
    if (!milliseconds || *milliseconds > 1ULL << 52) return std::nullopt;
    return std::chrono::milliseconds(*milliseconds);
}

std::optional<std::uint64_t> parse_rate(std::string_view text) {
    if (!text.ends_with("/s")) return std::nullopt;
    return parse_count(text.substr(0, text.size() - 2));
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::array<std::string_view, 5> kNames = {"B", "KiB", "MiB", "GiB", "TiB"};
    auto value = static_cast<double>(bytes);
    std::size_t name = 0;
    while (value >= 1024 && name + 1 < kNames.size()) {
        value /= 1024;
        ++name;
    }
    if (name == 0) return fmt::format("{} B", bytes);
    return fmt::format("{:.{}f} {}", value, value < 10 ? 1 : 0, kNames.at(name));
}

std::string count_text(std::uint64_t count) {
    auto text = std::to_string(count);
    for (auto place = static_cast<std::ptrdiff_t>(text.size()) - 3; place > 0; place -= 3) {
        text.insert(static_cast<std::size_t>(place), ",");
    }
    return text;
}

}  // namespace millrace::cli
