// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/config/key_text.h"

#include "broker/config/units.h"

#include <chrono>

namespace millrace::broker {

std::string format_value(const ConfigKey& key, const KeyValue& value) {
    switch (key.type) {
        case KeyType::integer:
            return std::to_string(value.number);
        case KeyType::size:
            return format_size(static_cast<std::uint64_t>(value.number));
        case KeyType::duration:
            return format_duration(std::chrono::microseconds(value.number));
        case KeyType::boolean:
            return value.number != 0 ? "true" : "false";
        case KeyType::text:
        case KeyType::choice:
            return value.text;
    }
    return {};
}

std::string describe_type(const ConfigKey& key) {
    const auto bounds = [&key] {
        const auto low = format_value(key, {.number = key.minimum, .text = {}});
        if (key.maximum == kNoMaximum) return ", at least " + low;
        return ", from " + low + " to " + format_value(key, {.number = key.maximum, .text = {}});
    };
    switch (key.type) {
        case KeyType::integer:
            return "a whole number" + bounds();
        case KeyType::size:
            return "a string with a size and its unit (" + std::string(kSizeUnits) + ")" + bounds();
        case KeyType::duration:
            return "a string with a duration and its unit (" + std::string(kDurationUnits) + ")" +
                   bounds();
        case KeyType::boolean:
            return "true or false";
        case KeyType::text:
            return "a string that is not empty";
        case KeyType::choice: {
            std::string words = "one of ";
            for (const char letter : key.choices) {
                if (letter == '|') {
                    words += ", ";
                } else {
                    words += letter;
                }
            }
            return words;
        }
    }
    return {};
}

}  // namespace millrace::broker
