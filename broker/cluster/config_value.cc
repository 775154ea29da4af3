// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/config_value.h"

#include <charconv>
#include <limits>
#include <span>

namespace millrace::broker {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t factor;
};

constexpr Unit kByteUnits[] = {
        {"", 1},
        {"B", 1},
        {"KiB", std::int64_t{1} << 10},
        {"MiB", std::int64_t{1} << 20},
        {"GiB", std::int64_t{1} << 30},
        {"TiB", std::int64_t{1} << 40},
        {"KB", 1'000},
        {"MB", 1'000'000},
        {"GB", 1'000'000'000},
        {"TB", 1'000'000'000'000},
};

constexpr Unit kTimeUnits[] = {
        {"", 1},
        {"ms", 1},
        {"s", 1'000},
        {"m", 60'000},
        {"h", 3'600'000},
        {"d", 86'400'000},
};

std::optional<std::int64_t> parse(std::string_view text, std::span<const Unit> units) {
    std::int64_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
    if (unit.starts_with(' ') && unit.size() > 1) unit.remove_prefix(1);
    for (const auto& known : units) {
        if (known.name != unit) continue;
        constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
        if (number > kMax / known.factor || number < -kMax / known.factor) return std::nullopt;
        return number * known.factor;
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> parse_bytes(std::string_view text) {
    return parse(text, kByteUnits);
}

std::optional<std::int64_t> parse_milliseconds(std::string_view text) {
    return parse(text, kTimeUnits);
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
    return parse(text, std::span(kByteUnits).first(1));
}

std::optional<double> parse_ratio(std::string_view text) {
    double ratio = 0;
    const auto [rest, error] = std::from_chars(
            text.data(), text.data() + text.size(), ratio, std::chars_format::fixed);
    if (error != std::errc{} || rest != text.data() + text.size()) return std::nullopt;
    if (!(ratio >= 0 && ratio <= 1)) return std::nullopt;  // Nor what is no number.
    return ratio;
}

}  // namespace millrace::broker
