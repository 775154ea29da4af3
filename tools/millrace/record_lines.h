// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Lines as records, in the way that the options of produce say.
#pragma once

#include "millrace/record.h"
#include "tools/millrace/json_record.h"
#include "tools/millrace/line_reader.h"
#include "tools/millrace/produce_command.h"
#include "tools/millrace/quantity.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::cli {

class RecordLines {
public:
    // Both outlive it.
    RecordLines(const ProduceOptions& options, const std::vector<KeyValue>& headers);

    // Borrows from the line, and from this until the next call. Errors: invalid_argument, with the
    // line's number.
    [[nodiscard]] Result<const Record*> record_of(std::string_view line, std::uint64_t number);

private:
    [[nodiscard]] Result<void> take_json(std::string_view line, std::uint64_t number);
    [[nodiscard]] Result<void> split_key(std::string_view line, std::uint64_t number);

    const ProduceOptions& options_;
    Record record_;
    std::size_t common_headers_ = 0;
    JsonRecord json_;  // What record_ refers to.
};

// Why the reader gave no line after `number` of them. No error: the input is over.
[[nodiscard]] Result<void> end_of_lines(const ProduceOptions& options,
                                        const LineReader& reader,
                                        std::uint64_t number);

}  // namespace millrace::cli
