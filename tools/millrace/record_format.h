// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The format of `consume -f`: compiled once, then applied to every record. Bytes of keys and
// values are written untouched.
#pragma once

#include "millrace/record.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

// %t topic, %p partition, %o offset, %k key, %v value, %T timestamp (milliseconds), %h headers
// (k=v, separated by commas), %% a percent sign; \n, \t, \\ as usual.
class RecordFormat {
public:
    // Nothing when the text has an unknown directive; `wrong` then names it.
    [[nodiscard]] static std::optional<RecordFormat> parse(std::string_view text,
                                                           std::string& wrong);

    void append(std::string& to, const RecordView& record) const;

private:
    struct Part {
        char directive = 0;  // 0: literal
        std::string literal;
    };

    std::vector<Part> parts_;
};

}  // namespace millrace::cli
