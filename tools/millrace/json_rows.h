// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What stands between the rows of a long answer: an array for json, a line each for jsonl, and
// nothing for people.
#pragma once

#include "tools/millrace/session.h"

#include <string>

namespace millrace::cli {

class JsonRows {
public:
    explicit JsonRows(OutputFormat output) : output_(output) {}

    // Before and after each row.
    void begin_row(std::string& to) {
        if (output_ == OutputFormat::json) to += any_ ? ",\n" : "[\n";
        any_ = true;
    }

    void end_row(std::string& to) const {
        if (output_ == OutputFormat::jsonl) to += '\n';
    }

    // After the last.
    void end(std::string& to) const {
        if (output_ == OutputFormat::json) to += any_ ? "\n]\n" : "[]\n";
    }

private:
    OutputFormat output_;
    bool any_ = false;
};

}  // namespace millrace::cli
