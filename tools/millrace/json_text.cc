// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/json_text.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <iterator>

namespace millrace::cli {

namespace {

unsigned byte_at(std::string_view bytes, std::size_t place) {
    return static_cast<unsigned char>(bytes[place]);
}

// Length of the UTF-8 sequence at `place`, 0 when there is none (RFC 3629: no surrogates, no
// longer form than needed, nothing above U+10FFFF).
std::size_t sequence_at(std::string_view bytes, std::size_t place) {
    const auto first = byte_at(bytes, place);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || place + length > bytes.size()) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte_at(bytes, place + i) & 0xc0U) != 0x80) return 0;
    }
    const auto second = byte_at(bytes, place + 1);
    const bool wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                       (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
    return wrong ? 0 : length;
}

void append_string(std::string& to, std::string_view text) {
    to += '"';
    for (const char character : text) {
        switch (character) {
            case '"':
                to += "\\\"";
                break;
            case '\\':
                to += "\\\\";
                break;
            case '\n':
                to += "\\n";
                break;
            case '\r':
                to += "\\r";
                break;
            case '\t':
                to += "\\t";
                break;
            default:
                if (static_cast<unsigned char>(character) < 0x20) {
                    fmt::format_to(std::back_inserter(to),
                                   "\\u{:04x}",
                                   static_cast<unsigned>(static_cast<unsigned char>(character)));
                } else {
                    to += character;
                }
        }
    }
    to += '"';
}

void append_base64(std::string& to, std::string_view bytes) {
    static constexpr std::string_view kDigits =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t place = 0; place < bytes.size(); place += 3) {
        const auto rest = bytes.size() - place;
        const auto word = byte_at(bytes, place) << 16U |
                          (rest > 1 ? byte_at(bytes, place + 1) << 8U : 0U) |
                          (rest > 2 ? byte_at(bytes, place + 2) : 0U);
        to += kDigits[word >> 18U];
        to += kDigits[(word >> 12U) & 63U];
        to += rest > 1 ? kDigits[(word >> 6U) & 63U] : '=';
        to += rest > 2 ? kDigits[word & 63U] : '=';
    }
}

void append_optional(std::string& to, const std::optional<std::string_view>& bytes) {
    if (bytes) {
        append_json_bytes(to, *bytes);
    } else {
        to += "null";
    }
}

}  // namespace

bool is_utf8(std::string_view bytes) noexcept {
    for (std::size_t place = 0; place < bytes.size();) {
        const auto length = sequence_at(bytes, place);
        if (length == 0) return false;
        place += length;
    }
    return true;
}

void append_json_bytes(std::string& to, std::string_view bytes) {
    if (is_utf8(bytes)) {
        append_string(to, bytes);
        return;
    }
    to += "{\"base64\":\"";
    append_base64(to, bytes);
    to += "\"}";
}

void append_json_record(std::string& to, const RecordView& record) {
    to += "{\"topic\":";
    append_json_bytes(to, record.topic);
    fmt::format_to(std::back_inserter(to),
                   ",\"partition\":{},\"offset\":{},\"timestamp\":",
                   record.partition,
                   record.offset);
    to += record.timestamp_ms < 0 ? "null" : std::to_string(record.timestamp_ms);
    to += ",\"key\":";
    append_optional(to, record.key);
    to += ",\"value\":";
    append_optional(to, record.value);
    to += ",\"headers\":[";
    bool first = true;
    for (const auto& header : record.headers) {
        to += first ? "[" : ",[";
        first = false;
        append_json_bytes(to, header.key);
        to += ',';
        append_optional(to, header.value);
        to += ']';
    }
    to += "]}";
}

}  // namespace millrace::cli
