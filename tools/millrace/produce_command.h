// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace produce: one record a line, of text or of JSON.
#pragma once

#include "millrace/producer.h"
#include "tools/millrace/session.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::cli {

struct ProduceOptions {
    std::string topic;
    std::string file = "-";
    std::optional<std::uint32_t> partition;
    std::optional<std::string> key_separator;
    std::optional<std::string> key;
    std::vector<std::string> headers;  // K=V
    bool json_lines = false;           // Each line is a record as consume writes it.
    Compression compression = Compression::none;
    Acks acks = Acks::all;
    std::uint64_t rate = 0;  // Records a second; 0: as fast as it goes.
    std::optional<std::chrono::milliseconds> delivery_timeout;
    std::optional<std::string>
            atomic_file;  // Its lines say where they go, and nothing else counts.
    // Only if the partition ends here, which is given then, too.
    std::optional<std::int64_t> expect_offset;
};

ExitCode produce(const Session& session, const ProduceOptions& options);

}  // namespace millrace::cli
