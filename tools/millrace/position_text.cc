// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/position_text.h"

#include <charconv>
#include <chrono>
#include <cstdint>

namespace millrace::cli {

namespace {

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
    Number number = 0;
    const auto* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stopped != end) return std::nullopt;
    return number;
}

// Takes `digits` digits off the front.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
    if (text.size() < digits || text.front() == '-') return std::nullopt;
    const auto number = whole_number<int>(text.substr(0, digits));
    if (number) text.remove_prefix(digits);
    return number;
}

bool take(std::string_view& text, char expected) {
    if (!text.starts_with(expected)) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<std::chrono::minutes> take_zone(std::string_view& text) {
    if (text.empty() || take(text, 'Z')) return std::chrono::minutes(0);
    const bool east = text.front() == '+';
    if (!east && text.front() != '-') return std::nullopt;
    text.remove_prefix(1);
    const auto hours = take_digits(text, 2);
    if (!hours || !take(text, ':')) return std::nullopt;
    const auto minutes = take_digits(text, 2);
    if (!minutes) return std::nullopt;
    const auto zone = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
    return east ? zone : -zone;
}

std::optional<std::chrono::milliseconds> take_fraction(std::string_view& text) {
    auto milliseconds = 0;
    auto place = 100;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        milliseconds += (text.front() - '0') * place;
        place /= 10;
        text.remove_prefix(1);
    }
    return std::chrono::milliseconds(milliseconds);
}

std::optional<std::chrono::milliseconds> take_time_of_day(std::string_view& text) {
    const auto hours = take_digits(text, 2);
    if (!hours || *hours > 23 || !take(text, ':')) return std::nullopt;
    const auto minutes = take_digits(text, 2);
    if (!minutes || *minutes > 59) return std::nullopt;
    std::chrono::milliseconds time = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
    if (!take(text, ':')) return time;
    const auto seconds = take_digits(text, 2);
    if (!seconds || *seconds > 60) return std::nullopt;
    time += std::chrono::seconds(*seconds);
    if (take(text, '.')) {
        const auto fraction = take_fraction(text);
        if (!fraction) return std::nullopt;
        time += *fraction;
    }
    return time;
}

std::optional<std::int64_t> parse_time(std::string_view text) {
    if (const auto milliseconds = whole_number<std::int64_t>(text)) return milliseconds;
    const auto year = take_digits(text, 4);
    if (!year || !take(text, '-')) return std::nullopt;
    const auto month = take_digits(text, 2);
    if (!month || !take(text, '-')) return std::nullopt;
    const auto day = take_digits(text, 2);
    if (!day) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(*year),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    std::chrono::milliseconds time = std::chrono::sys_days(date).time_since_epoch();
    if (take(text, 'T') || take(text, ' ')) {
        const auto of_day = take_time_of_day(text);
        if (!of_day) return std::nullopt;
        time += *of_day;
    }
    const auto zone = take_zone(text);
    if (!zone || !text.empty()) return std::nullopt;
    return (time - *zone).count();
}

}  // namespace

std::optional<Position> parse_position(std::string_view text) {
    if (text == "start" || text == "earliest" || text == "beginning") return Position::start();
    if (text == "end" || text == "latest") return Position::end();
    if (text.starts_with('@')) {
        const auto time = parse_time(text.substr(1));
        return time ? std::optional(Position::at_time(*time)) : std::nullopt;
    }
    const auto number = whole_number<std::int64_t>(text);
    if (!number) return std::nullopt;
    return *number < 0 || text.starts_with('-') ? Position::before_end(-*number)
                                                : Position::at(*number);
}

}  // namespace millrace::cli
