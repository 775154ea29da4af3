// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/data_identity.h"

#include "broker/runtime/durable_file.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string_view>
#include <sys/random.h>
#include <system_error>
#include <unistd.h>

namespace millrace::broker {

namespace {

constexpr const char* kMetaFile = "meta.json";
// What a start that ended before meta.json was there may have left behind.
constexpr std::string_view kFirstFiles[] = {"lock", "meta.json.tmp", "lost+found"};

struct MetaFile {
    DataIdentity identity;
    std::uint64_t format_version = 0;
};

std::optional<std::array<std::uint8_t, 16>> parse_uuid(std::string_view text) {
    std::array<std::uint8_t, 16> uuid{};
    std::size_t digits = 0;
    for (const char letter : text) {
        if (letter == '-') continue;
        int value = 0;
        if (letter >= '0' && letter <= '9') {
            value = letter - '0';
        } else if (letter >= 'a' && letter <= 'f') {
            value = letter - 'a' + 10;
        } else {
            return std::nullopt;
        }
        if (digits == 32) return std::nullopt;
        auto& byte = uuid[digits++ / 2];
        byte = static_cast<std::uint8_t>(byte << 4 | value);
    }
    if (digits != 32) return std::nullopt;
    return uuid;
}

std::array<std::uint8_t, 16> random_uuid() {
    std::array<std::uint8_t, 16> uuid{};
    std::size_t filled = 0;
    while (filled < uuid.size()) {
        const auto got = getrandom(uuid.data() + filled, uuid.size() - filled, 0);
        if (got > 0) filled += static_cast<std::size_t>(got);
    }
    uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0f) | 0x40);  // Version 4: random.
    uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3f) | 0x80);
    return uuid;
}

std::expected<MetaFile, std::string> read_meta(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    if (stream) text << stream.rdbuf();
    if (!stream) return std::unexpected(file.string() + " cannot be read");
    const auto json = nlohmann::json::parse(text.str(), nullptr, false);
    const auto number = [&](const char* name) -> std::optional<std::int64_t> {
        const auto found = json.is_object() ? json.find(name) : json.end();
        if (found == json.end() || !found->is_number_integer()) return std::nullopt;
        return found->get<std::int64_t>();
    };
    const auto version = number("format_version");
    if (!version || *version < 1) {
        return std::unexpected(file.string() + " is damaged, or not a file of Millrace's");
    }
    MetaFile meta;
    meta.format_version = static_cast<std::uint64_t>(*version);
    if (meta.format_version > kDataFormatVersion) {
        return std::unexpected(file.string() + ": the data are of format version " +
                               std::to_string(meta.format_version) +
                               ", and this program knows versions up to " +
                               std::to_string(kDataFormatVersion) + ": use a later one");
    }
    const auto node = number("node_id");
    const auto cluster = json.find("cluster_id");
    const auto uuid = cluster != json.end() && cluster->is_string()
                              ? parse_uuid(cluster->get<std::string>())
                              : std::nullopt;
    if (!node || !uuid) return std::unexpected(file.string() + " is damaged");
    meta.identity = {.cluster_id = *uuid, .node_id = static_cast<std::int32_t>(*node)};
    return meta;
}

std::expected<DataIdentity, std::string> read_identity(const std::filesystem::path& file,
                                                       std::int32_t node_id) {
    auto meta = read_meta(file);
    if (!meta) return std::unexpected(std::move(meta.error()));
    if (meta->identity.node_id != node_id) {
        return std::unexpected(file.string() + ": the data are those of node.id = " +
                               std::to_string(meta->identity.node_id) + ", and this broker is " +
                               std::to_string(node_id));
    }
    return meta->identity;
}

}  // namespace

std::string uuid_text(const std::array<std::uint8_t, 16>& uuid) {
    constexpr char kHex[] = "0123456789abcdef";
    std::string text;
    for (std::size_t at = 0; at < uuid.size(); ++at) {
        if (at == 4 || at == 6 || at == 8 || at == 10) text += '-';
        text += kHex[uuid[at] >> 4];
        text += kHex[uuid[at] & 15];
    }
    return text;
}

std::string_view advice_on(std::error_code why) {
    if (why == std::errc::permission_denied || why == std::errc::operation_not_permitted ||
        why == std::errc::read_only_file_system) {
        return "; it has to be writable for the user who runs the broker (another one: "
               "--data-dir)";
    }
    if (why == std::errc::no_space_on_device || why.value() == EDQUOT) {
        return "; the disk is full: make space, or inodes, and start again (another disk: "
               "--data-dir)";
    }
    return {};
}

std::string unusable_directory(const std::filesystem::path& directory, std::error_code why) {
    auto sentence =
            "the data directory " + directory.string() + " cannot be used: " + why.message();
    return sentence.append(advice_on(why));
}

std::expected<void, std::string> check_data_directory(const std::filesystem::path& directory,
                                                      std::int32_t node_id) {
    std::error_code failed;
    if (!std::filesystem::exists(directory, failed)) return {};
    const auto cannot = [&] { return std::unexpected(unusable_directory(directory, failed)); };
    if (!std::filesystem::is_directory(directory, failed)) {
        if (!failed) failed = std::make_error_code(std::errc::not_a_directory);
        return cannot();
    }
    const auto file = directory / kMetaFile;
    if (std::filesystem::exists(file, failed)) {
        auto identity = read_identity(file, node_id);
        if (!identity) return std::unexpected(std::move(identity.error()));
        return {};
    }
    std::filesystem::directory_iterator entries(directory, failed);
    if (failed) return cannot();
    for (const auto& entry : entries) {
        const auto name = entry.path().filename().string();
        if (std::find(std::begin(kFirstFiles), std::end(kFirstFiles), name) !=
            std::end(kFirstFiles)) {
            continue;
        }
        return std::unexpected(
                directory.string() + " is not a data directory of Millrace's: it has " + "no " +
                kMetaFile + " but holds " + name + "; choose an empty one (--data-dir)");
    }
    return {};
}

std::expected<DataIdentity, std::string> open_identity(const std::filesystem::path& directory,
                                                       std::int32_t node_id) {
    const auto file = directory / kMetaFile;
    std::error_code failed;
    if (std::filesystem::exists(file, failed)) return read_identity(file, node_id);
    const DataIdentity identity{.cluster_id = random_uuid(), .node_id = node_id};
    const nlohmann::ordered_json json{{"cluster_id", uuid_text(identity.cluster_id)},
                                      {"node_id", node_id},
                                      {"format_version", kDataFormatVersion}};
    if (const int error = replace_file(file, json.dump(2) + "\n", true); error != 0) {
        const std::error_code why(error, std::generic_category());
        return std::unexpected(
                (file.string() + " cannot be written: " + why.message()).append(advice_on(why)));
    }
    return identity;
}

}  // namespace millrace::broker
