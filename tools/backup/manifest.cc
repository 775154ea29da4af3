// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/backup/manifest.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace millrace::backup {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kManifestBytesMax = 64UL * 1024 * 1024;

Manifest manifest_of(const Json& json) {
    Manifest manifest;
    manifest.topic = json.at("topic").get<std::string>();
    manifest.topic_id = json.at("topic_id").get<std::string>();
    manifest.cluster_id = json.at("cluster_id").get<std::string>();
    manifest.created = json.at("created").get<std::string>();
    for (const auto& [key, value] : json.at("config").items())
        manifest.config.emplace_back(key, value.get<std::string>());
    for (const auto& row : json.at("partitions")) {
        manifest.partitions.push_back({row.at("partition").get<std::uint32_t>(),
                                       row.at("start_offset").get<std::int64_t>(),
                                       row.at("end_offset").get<std::int64_t>()});
    }
    return manifest;
}

bool is_in_order(const Manifest& manifest) {
    for (std::size_t i = 0; i < manifest.partitions.size(); ++i) {
        const auto& row = manifest.partitions[i];
        if (row.partition != i || row.start_offset < 0 || row.end_offset < row.start_offset) {
            return false;
        }
    }
    return !manifest.partitions.empty() && !manifest.topic.empty();
}

}  // namespace

std::string text_of(const Manifest& manifest) {
    Json json{{"format", kBackupFormat},
              {"topic", manifest.topic},
              {"topic_id", manifest.topic_id},
              {"cluster_id", manifest.cluster_id},
              {"created", manifest.created},
              {"config", Json::object()},
              {"partitions", Json::array()}};
    for (const auto& [key, value] : manifest.config)
        json["config"][key] = value;
    for (const auto& row : manifest.partitions) {
        json["partitions"].push_back({{"partition", row.partition},
                                      {"start_offset", row.start_offset},
                                      {"end_offset", row.end_offset}});
    }
    return json.dump(2) + "\n";
}

Outcome<Manifest> read_manifest(const std::filesystem::path& directory) {
    const auto file = directory / kManifestName;
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    if (error) {
        return std::unexpected(fmt::format(
                "{} is no whole backup: {} is not there.", directory.string(), kManifestName));
    }
    if (size > kManifestBytesMax) {
        return std::unexpected(fmt::format("{} is too large.", file.string()));
    }
    std::ifstream stream(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    try {
        const auto json = Json::parse(text);
        const auto format = json.at("format").get<int>();
        if (format > kBackupFormat) {
            return std::unexpected(fmt::format(
                    "{} is of format {}, written by a later version.", file.string(), format));
        }
        auto manifest = manifest_of(json);
        if (is_in_order(manifest)) return manifest;
    } catch (const nlohmann::json::exception&) {
        // Said below.
    }
    return std::unexpected(fmt::format("{} is damaged.", file.string()));
}

}  // namespace millrace::backup
