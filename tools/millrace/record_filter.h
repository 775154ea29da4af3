// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The records that `consume --grep` lets through: those whose key or value has a match of a
// regular expression, in time that grows with their length only (RE2's syntax).
#pragma once

#include "millrace/record.h"

#include <memory>
#include <string>

namespace re2 {
class RE2;
}

namespace millrace::cli {

class RecordFilter {
public:
    // Null when the pattern cannot be read; `wrong` then says why.
    [[nodiscard]] static std::shared_ptr<const RecordFilter> parse(const std::string& pattern,
                                                                   std::string& wrong);
    explicit RecordFilter(std::unique_ptr<re2::RE2> expression);
    ~RecordFilter();
    RecordFilter(const RecordFilter&) = delete;
    RecordFilter& operator=(const RecordFilter&) = delete;

    [[nodiscard]] bool matches(const RecordView& record) const;

private:
    std::unique_ptr<re2::RE2> expression_;
};

}  // namespace millrace::cli
