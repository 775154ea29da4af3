// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/json_record.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>

namespace millrace::cli {

namespace {

using nlohmann::json;

Error wrong(const std::string& what) {
    return {ErrorCode::invalid_argument, what};
}

// A value as an error repeats it: what is large or nested is only named.
std::string shown(const json& value) {
    constexpr std::size_t kBytesMax = 64;
    if (value.is_structured()) return value.is_array() ? "a list" : "an object";
    auto text = value.dump();
    return text.size() > kBytesMax ? std::string("a ") + value.type_name() : text;
}

// Bytes of `field`, or null.
Result<std::optional<std::string>> bytes_of(const json& value, std::string_view field) {
    if (value.is_null()) return std::optional<std::string>();
    if (value.is_string()) return std::optional(value.get<std::string>());
    if (value.is_object() && value.size() == 1 && value.contains("base64") &&
        value["base64"].is_string()) {
        auto bytes = decode_base64(value["base64"].get_ref<const std::string&>());
        if (bytes) return std::optional(std::move(*bytes));
        return wrong(fmt::format("\"{}\" holds no valid base64", field));
    }
    return wrong(fmt::format(
            R"("{}" must be a string, {{"base64":"..."}} or null, not {})", field, shown(value)));
}

Result<void> take_headers(const json& value, JsonRecord& record) {
    if (value.is_null()) return {};
    const auto expected = wrong(R"("headers" must be a list of [NAME, VALUE])");
    if (!value.is_array()) return expected;
    for (const auto& header : value) {
        if (!header.is_array() || header.size() != 2 || !header[0].is_string()) return expected;
        auto bytes = bytes_of(header[1], "headers");
        if (!bytes) return bytes.error();
        record.headers.emplace_back(header[0].get<std::string>(), std::move(*bytes));
    }
    return {};
}

// A whole number from 0 on.
template <class Number>
Result<std::optional<Number>> number_of(const json& value, std::string_view field) {
    if (value.is_null()) return std::optional<Number>();
    const bool whole = value.is_number_unsigned() ||
                       (value.is_number_integer() && value.get<std::int64_t>() >= 0);
    if (whole && value.get<std::uint64_t>() <=
                         static_cast<std::uint64_t>(std::numeric_limits<Number>::max())) {
        return std::optional(value.get<Number>());
    }
    return wrong(fmt::format("\"{}\" must be a whole number from 0 to {} or null, not {}",
                             field,
                             std::numeric_limits<Number>::max(),
                             shown(value)));
}

template <class T>
Result<void> take(Result<T> parsed, T& field) {
    if (!parsed) return parsed.error();
    field = std::move(*parsed);
    return {};
}

Result<void> take_field(const std::string& name, const json& value, JsonRecord& record) {
    if (name == "key") return take(bytes_of(value, name), record.key);
    if (name == "value") return take(bytes_of(value, name), record.value);
    if (name == "headers") return take_headers(value, record);
    if (name == "partition") {
        return take(number_of<std::uint32_t>(value, name), record.partition);
    }
    if (name == "timestamp") {
        return take(number_of<std::int64_t>(value, name), record.timestamp_ms);
    }
    if (name == "topic") {
        if (value.is_string()) record.topic = value.get<std::string>();
        return {};
    }
    if (name == "offset") return {};
    return wrong(
            fmt::format("unknown field \"{}\": there are key, value, headers, partition and "
                        "timestamp",
                        name));
}

int digit_of(char letter) {
    if (letter >= 'A' && letter <= 'Z') return letter - 'A';
    if (letter >= 'a' && letter <= 'z') return letter - 'a' + 26;
    if (letter >= '0' && letter <= '9') return letter - '0' + 52;
    if (letter == '+') return 62;
    return letter == '/' ? 63 : -1;
}

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::size_t padding = 0;
    while (padding < 2 && text.size() > padding && text[text.size() - 1 - padding] == '=')
        ++padding;
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    std::uint32_t bits = 0;
    for (std::size_t place = 0; place < text.size(); ++place) {
        const bool padded = place >= text.size() - padding;
        const int digit = padded ? 0 : digit_of(text[place]);
        if (digit < 0) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        if (place % 4 != 3) continue;
        for (const unsigned shift : {16U, 8U, 0U})
            bytes += static_cast<char>(bits >> shift & 0xffU);
        bits = 0;
    }
    bytes.resize(bytes.size() - padding);
    return bytes;
}

Result<JsonRecord> parse_json_record(std::string_view line) {
    json document;
    try {
        document = json::parse(line);
    } catch (const json::parse_error& failed) {
        return wrong(fmt::format("no JSON at byte {}", failed.byte));
    }
    if (!document.is_object()) return wrong("it is no JSON object");
    JsonRecord record;
    for (const auto& [name, value] : document.items()) {
        if (auto taken = take_field(name, value, record); !taken) return taken.error();
    }
    if (!document.contains("key") && !document.contains("value")) {
        return wrong("it has neither \"key\" nor \"value\"");
    }
    return record;
}

}  // namespace millrace::cli
