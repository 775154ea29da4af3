// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/record_format.h"

namespace millrace::cli {

namespace {

constexpr std::string_view kDirectives = "tpokvTh";

std::optional<char> escaped(char letter) {
    switch (letter) {
        case 'n':
            return '\n';
        case 't':
            return '\t';
        case '\\':
            return '\\';
        default:
            return std::nullopt;
    }
}

void append_headers(std::string& to, const HeadersView& headers) {
    bool first = true;
    for (const auto& header : headers) {
        if (!first) to += ',';
        first = false;
        to += header.key;
        to += '=';
        to += header.value.value_or("");
    }
}

}  // namespace

std::optional<RecordFormat> RecordFormat::parse(std::string_view text, std::string& wrong) {
    RecordFormat format;
    std::string literal;
    for (std::size_t place = 0; place < text.size(); ++place) {
        const char letter = text[place];
        if (letter != '%' && letter != '\\') {
            literal += letter;
            continue;
        }
        wrong = text.substr(place, 2);
        if (++place == text.size()) return std::nullopt;
        const char next = text[place];
        if (letter == '\\') {
            const auto character = escaped(next);
            if (!character) return std::nullopt;
            literal += *character;
        } else if (next == '%') {
            literal += '%';
        } else if (kDirectives.find(next) != std::string_view::npos) {
            if (!literal.empty()) format.parts_.push_back({0, std::move(literal)});
            literal.clear();
            format.parts_.push_back({next, {}});
        } else {
            return std::nullopt;
        }
    }
    if (!literal.empty()) format.parts_.push_back({0, std::move(literal)});
    return format;
}

void RecordFormat::append(std::string& to, const RecordView& record) const {
    for (const auto& part : parts_) {
        switch (part.directive) {
            case 't':
                to += record.topic;
                break;
            case 'p':
                to += std::to_string(record.partition);
                break;
            case 'o':
                to += std::to_string(record.offset);
                break;
            case 'k':
                to += record.key.value_or("");
                break;
            case 'v':
                to += record.value.value_or("");
                break;
            case 'T':
                to += std::to_string(record.timestamp_ms);
                break;
            case 'h':
                append_headers(to, record.headers);
                break;
            default:
                to += part.literal;
        }
    }
}

}  // namespace millrace::cli
