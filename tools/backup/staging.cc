// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/backup/staging.h"

#include "engine/format/checkpoint_codec.h"
#include "engine/format/file_names.h"
#include "tools/segment/known_rows.h"
#include "tools/segment/segment_check.h"
#include "tools/segment/stored_segments.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace millrace::backup {

namespace {

namespace fs = std::filesystem;

constexpr const char* kRestoreDirectory = "restore";
constexpr std::array kSuffixes{
        engine::kLogSuffix, engine::kOffsetIndexSuffix, engine::kTimeIndexSuffix};

Outcome<void> copy_partition(const fs::path& from,
                             const fs::path& to,
                             const engine::PartitionRow& row,
                             const std::function<bool(std::uint64_t)>& more,
                             std::uint64_t& bytes) {
    if (auto made = make_directory(to); !made) return made;
    const auto copy_file = [&](engine::Offset base, std::string_view suffix) -> Outcome<void> {
        const auto path = engine::segment_path("", base, suffix);
        const auto name = fs::path(path.view()).filename();
        if (suffix != engine::kLogSuffix && !fs::exists(from / name)) return {};
        return copy_synced(from / name, to / name);
    };
    for (const auto& segment : row.segments) {
        if (!more(bytes)) return std::unexpected(kInterrupted);
        for (const auto suffix : kSuffixes) {
            if (auto copied = copy_file(segment.base, suffix); !copied) return copied;
        }
        bytes += segment.bytes;
    }
    return sync_directory(to);
}

Outcome<void> compare(const fs::path& backup, const Manifest& manifest) {
    const auto known = segment::read_rows(backup);
    if (!known) return std::unexpected(known.error());
    std::size_t found = 0;
    for (const auto& [key, row] : known->rows) {
        if (key.partition >= manifest.partitions.size()) continue;
        const auto& cut = manifest.partitions[key.partition];
        if (row.log_start.value == cut.start_offset && row.flushed_offset.value == cut.end_offset) {
            ++found;
        }
    }
    if (found == manifest.partitions.size() && known->rows.size() == found) return {};
    return std::unexpected(fmt::format("{}: its {} and its checkpoint are not of the same backup.",
                                       backup.string(),
                                       kManifestName));
}

}  // namespace

Outcome<void> check(const fs::path& backup,
                    const Manifest& manifest,
                    const std::function<bool(std::uint64_t)>& more) {
    if (auto same = compare(backup, manifest); !same) return same;
    const auto found = segment::find_segments(backup);
    if (!found) return std::unexpected(found.error());
    if (!found->lost.empty()) {
        return std::unexpected(fmt::format("{}: the folder of partition {} is not there.",
                                           backup.string(),
                                           found->lost.front().key.partition));
    }
    std::uint64_t bytes = 0;
    for (const auto& each : found->segments) {
        if (!more(bytes)) return std::unexpected(kInterrupted);
        const auto checked = segment::check_segment(each);
        bytes += checked.bytes;
        if (checked.damaged.empty()) continue;
        const auto& damage = checked.damaged.front();
        return std::unexpected(fmt::format("{} is damaged from offset {} on: {}.",
                                           damage.file.string(),
                                           damage.first.value,
                                           damage.reason));
    }
    return {};
}

Staging::Staging(const fs::path& data, std::string name)
        : name_(std::move(name)), directory_(data / kRestoreDirectory / name_) {}

Staging::~Staging() {
    std::error_code error;
    fs::remove_all(directory_, error);
    fs::remove(directory_.parent_path(), error);  // Unless another one is being filled there.
}

Outcome<void> Staging::fill(const fs::path& backup,
                            const std::function<bool(std::uint64_t)>& more) {
    const auto known = segment::read_rows(backup);
    if (!known) return std::unexpected(known.error());
    if (auto made = make_directory(directory_); !made) return made;
    const auto slot = fs::path(engine::kCheckpointSlots[0]);
    if (auto copied = copy_synced(backup / slot, directory_ / slot); !copied) return copied;
    const auto manifest = read_manifest(backup);
    if (!manifest) return std::unexpected(manifest.error());
    std::uint64_t bytes = 0;
    for (const auto& [key, row] : known->rows) {
        const auto from = backup / engine::kTopicsDirectory /
                          fmt::format("{}-{}", manifest->topic, key.partition);
        const auto to = directory_ / std::to_string(key.partition);
        if (auto copied = copy_partition(from, to, row, more, bytes); !copied) return copied;
    }
    return sync_directory(directory_);
}

}  // namespace millrace::backup
