// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/config/units.h"

#include <cctype>
#include <limits>
#include <span>

namespace millrace::broker {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// Largest first within a family; the spelling used for output comes before its synonyms.
constexpr Unit kSizes[] = {
        {"TiB", 1ULL << 40},
        {"GiB", 1ULL << 30},
        {"MiB", 1ULL << 20},
        {"KiB", 1ULL << 10},
        {"B", 1},
        {"TB", 1'000'000'000'000},
        {"GB", 1'000'000'000},
        {"MB", 1'000'000},
        {"kB", 1'000},
        {"KB", 1'000},
};

constexpr Unit kDurations[] = {
        {"d", 86'400'000'000},
        {"h", 3'600'000'000},
        {"min", 60'000'000},
        {"m", 60'000'000},
        {"s", 1'000'000},
        {"ms", 1'000},
        {"us", 1},
};

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_digit(char letter) {
    return letter >= '0' && letter <= '9';
}

// digits * 10 + digit, or nothing when it does not fit.
std::optional<std::uint64_t> with_digit(std::uint64_t number, char letter) {
    std::uint64_t result = 0;
    if (__builtin_mul_overflow(number, 10U, &result)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(letter - '0');
    if (__builtin_add_overflow(result, digit, &result)) return std::nullopt;
    return result;
}

// Decimal arithmetic in integers, so that "0.1 s" is exactly 100,000 us.
std::optional<std::uint64_t> parse(std::string_view text, std::span<const Unit> units) {
    text = trimmed(text);
    std::uint64_t number = 0;
    std::uint64_t scale = 1;
    std::size_t at = 0;
    bool fraction = false;
    bool any = false;
    for (; at < text.size(); ++at) {
        if (text[at] == '.' && !fraction && any) {
            fraction = true;
            continue;
        }
        if (text[at] == '_' && any) continue;
        if (!is_digit(text[at])) break;
        const auto next = with_digit(number, text[at]);
        if (!next || scale > 1'000'000'000'000) return std::nullopt;
        number = *next;
        if (fraction) scale *= 10;
        any = true;
    }
    if (!any) return std::nullopt;
    const auto name = trimmed(text.substr(at));
    for (const auto& unit : units) {
        if (unit.name != name) continue;
        std::uint64_t product = 0;
        if (__builtin_mul_overflow(number, unit.factor, &product)) return std::nullopt;
        if (product % scale != 0) return std::nullopt;
        return product / scale;
    }
    return std::nullopt;
}

std::string format(std::uint64_t value, std::span<const Unit> units) {
    for (const auto& unit : units) {
        if (value % unit.factor == 0 && (value != 0 || unit.factor == 1)) {
            return std::to_string(value / unit.factor) + std::string(unit.name);
        }
    }
    return std::to_string(value);
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
    return parse(text, kSizes);
}

std::optional<std::chrono::microseconds> parse_duration(std::string_view text) {
    const auto value = parse(text, kDurations);
    if (!value || *value > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
        return std::nullopt;
    }
    return std::chrono::microseconds(*value);
}

std::string format_size(std::uint64_t bytes) {
    return format(bytes, kSizes);
}

std::string format_duration(std::chrono::microseconds duration) {
    if (duration.count() == 0) return "0s";
    return format(static_cast<std::uint64_t>(duration.count()), kDurations);
}

}  // namespace millrace::broker
