// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What the newest checkpoint of a data directory says of its partitions.
#pragma once

#include "engine/format/checkpoint.h"

#include <expected>
#include <filesystem>
#include <map>
#include <string>

namespace millrace::segment {

struct KnownRows {
    using Rows = std::map<engine::PartitionKey, engine::PartitionRow>;

    Rows rows;
    bool clean = false;  // Written by a clean stop.
};

// Of whole, valid slots only. Errors: a sentence that names the directory or the slot.
[[nodiscard]] std::expected<KnownRows, std::string> read_rows(
        const std::filesystem::path& directory);

}  // namespace millrace::segment
