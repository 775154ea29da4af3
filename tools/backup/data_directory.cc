// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/backup/data_directory.h"

#include "tools/segment/whole_file.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace millrace::backup {

Outcome<void> find_data(const std::filesystem::path& data, std::string_view cluster_id) {
    const auto text = segment::read_file(data / "meta.json");
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("cluster_id")) {
        return std::unexpected(fmt::format("The broker's data directory, {}, cannot be read here.",
                                           data.string()));
    }
    if (json["cluster_id"] == cluster_id) return {};
    return std::unexpected(
            fmt::format("{} here is the data directory of another broker.", data.string()));
}

}  // namespace millrace::backup
