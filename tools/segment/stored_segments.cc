// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/segment/stored_segments.h"

#include "engine/format/checkpoint_codec.h"
#include "engine/format/file_names.h"
#include "engine/format/partition_metadata.h"
#include "tools/segment/known_rows.h"
#include "tools/segment/whole_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace millrace::segment {

namespace {

namespace fs = std::filesystem;
using engine::Offset;

using Rows = KnownRows::Rows;

// The data directory that the path belongs to, when it is or lies in one.
std::optional<fs::path> data_directory_of(const fs::path& path) {
    std::error_code error;
    auto at = fs::absolute(path, error).lexically_normal();
    for (int level = 0; level < 4 && !error; ++level, at = at.parent_path()) {
        for (const auto slot : engine::kCheckpointSlots) {
            if (fs::exists(at / slot, error)) return at;
        }
    }
    return std::nullopt;
}

// Whose data a folder holds, as far as it says so.
std::optional<engine::PartitionKey> key_of(const fs::path& folder) {
    const auto topic =
            engine::decode_partition_metadata(read_file(folder / engine::kPartitionMetadataName));
    const auto name = folder.filename().string();
    const auto dash = name.rfind('-');
    if (!topic || dash == std::string::npos) return std::nullopt;
    engine::PartitionKey key{*topic, 0};
    const auto* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + dash + 1, end, key.partition);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    return key;
}

std::map<Offset, fs::path> logs_in(const fs::path& folder) {
    std::map<Offset, fs::path> logs;
    for (const auto& entry : fs::directory_iterator(folder)) {
        const auto base = engine::segment_base_of(entry.path().filename().string());
        if (base && entry.path().extension() == engine::kLogSuffix) logs[*base] = entry.path();
    }
    return logs;
}

void add_as_files_say(const std::map<Offset, fs::path>& logs, StoredSegments& found) {
    for (auto at = logs.begin(); at != logs.end(); ++at) {
        const auto next = std::next(at);
        StoredSegment segment{.file = at->second, .base = at->first};
        segment.sealed = next != logs.end();
        if (segment.sealed) segment.end = next->first;
        found.segments.push_back(std::move(segment));
    }
}

void add_as_checkpoint_says(const fs::path& folder,
                            const engine::PartitionRow& row,
                            std::map<Offset, fs::path> logs,
                            StoredSegments& found) {
    for (std::size_t i = 0; i < row.segments.size(); ++i) {
        const auto& named = row.segments[i];
        logs.erase(named.base);
        if (named.bytes == 0) continue;
        const bool last = i + 1 == row.segments.size();
        const auto name = engine::segment_path("", named.base, engine::kLogSuffix);
        auto file = folder / fs::path(name.view()).filename();
        auto unnamed = file;
        unnamed += engine::kSwapSuffix;
        if (named.swapping && fs::exists(unnamed)) file = unnamed;
        found.segments.push_back({.file = file,
                                  .base = named.base,
                                  .bytes = named.bytes,
                                  .sealed = named.sealed,
                                  .end = last ? row.flushed_offset : row.segments[i + 1].base});
    }
    for (const auto& [base, file] : logs)
        found.unnamed.push_back(file);
}

void add_folder(const fs::path& folder, const Rows* rows, StoredSegments& found) {
    auto logs = logs_in(folder);
    if (rows == nullptr) return add_as_files_say(logs, found);
    const auto key = key_of(folder);
    const auto row = key ? rows->find(*key) : rows->end();
    if (row != rows->end()) {
        return add_as_checkpoint_says(folder, row->second, std::move(logs), found);
    }
    for (const auto& [base, file] : logs)
        found.unnamed.push_back(file);
}

std::vector<fs::path> folders_in(const fs::path& topics) {
    std::vector<fs::path> folders;
    for (const auto& entry : fs::directory_iterator(topics)) {
        if (entry.is_directory()) folders.push_back(entry.path());
    }
    std::ranges::sort(folders);
    return folders;
}

void add_lost(const std::vector<fs::path>& folders, const Rows& rows, StoredSegments& found) {
    std::set<engine::PartitionKey> there;
    for (const auto& folder : folders) {
        if (const auto key = key_of(folder)) there.insert(*key);
    }
    for (const auto& [key, row] : rows) {
        const bool has_data =
                std::ranges::any_of(row.segments, [](const auto& each) { return each.bytes > 0; });
        if (!has_data || there.contains(key)) continue;
        found.lost.push_back({key, row.log_start, row.flushed_offset});
    }
}

StoredSegments of_one_file(const fs::path& file, const Rows* rows) {
    StoredSegments found;
    add_folder(fs::absolute(file).parent_path(), rows, found);
    const auto is_other = [&file](const fs::path& each) {
        return each.filename() != file.filename();
    };
    std::erase_if(found.segments, [&](const auto& each) { return is_other(each.file); });
    std::erase_if(found.unnamed, is_other);
    return found;
}

StoredSegments of_directory(const fs::path& path, const Rows* rows) {
    StoredSegments found;
    if (!logs_in(path).empty() || fs::exists(path / engine::kPartitionMetadataName)) {
        add_folder(path, rows, found);
        return found;
    }
    const auto below = path / engine::kTopicsDirectory;
    const auto folders = folders_in(fs::exists(below) ? below : path);
    for (const auto& folder : folders)
        add_folder(folder, rows, found);
    if (rows != nullptr) add_lost(folders, *rows, found);
    return found;
}

std::expected<StoredSegments, std::string> find_below(const fs::path& path) {
    const auto data = data_directory_of(path);
    std::optional<KnownRows> known;
    if (data) {
        auto read = read_rows(*data);
        if (!read) return std::unexpected(read.error());
        known = std::move(*read);
    }
    const auto* rows = known ? &known->rows : nullptr;
    auto found = fs::is_directory(path) ? of_directory(path, rows) : of_one_file(path, rows);
    found.unclean = known && !known->clean;
    return found;
}

}  // namespace

std::expected<StoredSegments, std::string> find_segments(const fs::path& path) {
    try {
        if (!fs::exists(path)) {
            return std::unexpected(fmt::format("{} does not exist.", path.string()));
        }
        if (!fs::is_directory(path) && path.extension() != engine::kLogSuffix) {
            return std::unexpected(fmt::format(
                    "{} is neither a directory nor a segment's .log file.", path.string()));
        }
        return find_below(path);
    } catch (const fs::filesystem_error& error) {
        return std::unexpected(
                fmt::format("{}: {}.", error.path1().string(), error.code().message()));
    }
}

}  // namespace millrace::segment
