// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "millrace/types.h"

namespace millrace {

std::string Uuid::to_string() const {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    text.reserve(36);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
        text.push_back(kDigits[bytes[i] >> 4U]);
        text.push_back(kDigits[bytes[i] & 0x0fU]);
    }
    return text;
}

}  // namespace millrace
