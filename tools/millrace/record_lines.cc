// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/record_lines.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace millrace::cli {

RecordLines::RecordLines(const ProduceOptions& options, const std::vector<KeyValue>& headers)
        : options_(options), common_headers_(headers.size()) {
    record_.topic = options.topic;
    record_.partition = options.partition;
    if (options.key) record_.key = *options.key;
    for (const auto& header : headers)
        record_.headers.push_back({header.key, header.value});
}

Result<const Record*> RecordLines::record_of(std::string_view line, std::uint64_t number) {
    record_.value = line;
    if (options_.json_lines) {
        if (auto taken = take_json(line, number); !taken) return taken.error();
    }
    if (options_.key_separator) {
        if (auto taken = split_key(line, number); !taken) return taken.error();
    }
    return &record_;
}

Result<void> RecordLines::split_key(std::string_view line, std::uint64_t number) {
    const auto at = line.find(*options_.key_separator);
    if (at == std::string_view::npos) {
        return Error{ErrorCode::invalid_argument,
                     fmt::format("Line {} has no '{}' between key and value.",
                                 number,
                                 *options_.key_separator)};
    }
    record_.key = line.substr(0, at);
    record_.value = line.substr(at + options_.key_separator->size());
    return {};
}

Result<void> RecordLines::take_json(std::string_view line, std::uint64_t number) {
    auto parsed = parse_json_record(line);
    if (!parsed) {
        return Error{ErrorCode::invalid_argument,
                     fmt::format("Line {} is no record: {}.", number, parsed.error().message)};
    }
    json_ = std::move(*parsed);
    record_.key = json_.key;
    record_.value = json_.value;
    record_.timestamp_ms = json_.timestamp_ms;
    record_.partition = options_.partition ? options_.partition : json_.partition;
    record_.headers.resize(common_headers_);
    for (const auto& [name, value] : json_.headers)
        record_.headers.push_back({name, value});
    return {};
}

Result<void> end_of_lines(const ProduceOptions& options,
                          const LineReader& reader,
                          std::uint64_t number) {
    if (reader.failure() == EMSGSIZE) {
        return Error{ErrorCode::message_too_large,
                     fmt::format("{}: line {} is longer than {}, the most that a record may hold.",
                                 options.topic,
                                 number + 1,
                                 size_text(LineReader::kLineBytesMax))};
    }
    if (reader.failure() == 0) return {};
    return Error{ErrorCode::invalid_argument,
                 fmt::format("Reading {} failed: {}.",
                             options.file,
                             std::generic_category().message(reader.failure()))};
}

}  // namespace millrace::cli
