// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/base/line_event_log.h"

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <unistd.h>

namespace millrace::broker {

namespace {

std::string_view word_of(engine::Level level) {
    switch (level) {
        case engine::Level::debug:
            return "DEBUG";
        case engine::Level::info:
            return "INFO";
        case engine::Level::warning:
            return "WARNING";
        case engine::Level::error:
            return "ERROR";
    }
    return "INFO";
}

void append_time(std::string& line, engine::TimestampMs time) {
    const std::time_t seconds = time / 1000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[64];
    const auto size = std::snprintf(text,
                                    sizeof text,
                                    "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                                    parts.tm_year + 1900,
                                    parts.tm_mon + 1,
                                    parts.tm_mday,
                                    parts.tm_hour,
                                    parts.tm_min,
                                    parts.tm_sec,
                                    static_cast<int>(time % 1000));
    line.append(text, static_cast<std::size_t>(size));
}

bool is_plain(std::string_view text) {
    for (const char letter : text) {
        const auto code = static_cast<unsigned char>(letter);
        if (code <= ' ' || code >= 0x7f || letter == '"' || letter == '\\' || letter == '=') {
            return false;
        }
    }
    return !text.empty();
}

void append_quoted(std::string& line, std::string_view text) {
    constexpr char kHex[] = "0123456789abcdef";
    line += '"';
    for (const char letter : text) {
        const auto code = static_cast<unsigned char>(letter);
        if (letter == '"' || letter == '\\') {
            line += '\\';
            line += letter;
        } else if (letter == '\n') {
            line += "\\n";
        } else if (code < ' ' || code == 0x7f) {
            line += "\\x";
            line += kHex[code >> 4];
            line += kHex[code & 15];
        } else {
            line += letter;
        }
    }
    line += '"';
}

}  // namespace

std::string format_event(engine::TimestampMs time,
                         engine::Level level,
                         std::string_view name,
                         std::string_view message,
                         std::initializer_list<engine::EventField> fields) {
    std::string line;
    line.reserve(256);
    append_time(line, time);
    line += ' ';
    line += word_of(level);
    line += ' ';
    line += name;
    line += ' ';
    append_quoted(line, message);
    for (const auto& field : fields) {
        if (field.value.empty()) continue;
        line += ' ';
        line += field.key;
        line += '=';
        if (is_plain(field.value)) {
            line += field.value;
        } else {
            append_quoted(line, field.value);
        }
    }
    line += '\n';
    return line;
}

LineEventLog::LineEventLog(int descriptor, engine::Level least, engine::Clock& clock) noexcept
        : descriptor_(descriptor), least_(least), clock_(clock) {}

void LineEventLog::event(engine::Level level,
                         std::string_view name,
                         std::string_view message,
                         std::initializer_list<engine::EventField> fields) noexcept {
    if (level < least_.load(std::memory_order_relaxed)) return;
    const auto line = format_event(clock_.wall_now(), level, name, message, fields);
    std::string_view rest(line);
    while (!rest.empty()) {
        const auto written = write(descriptor_, rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;  // Nobody listens; the broker goes on.
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace millrace::broker
