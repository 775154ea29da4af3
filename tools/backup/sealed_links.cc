// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/backup/sealed_links.h"

#include "engine/format/file_names.h"
#include "tools/segment/known_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

namespace millrace::backup {

namespace {

namespace fs = std::filesystem;
using engine::Offset;
using engine::PartitionRow;
using engine::SegmentRow;

constexpr std::array kSuffixes{
        engine::kLogSuffix, engine::kOffsetIndexSuffix, engine::kTimeIndexSuffix};
// A compaction that puts segments in place is over within moments.
constexpr int kAttempts = 100;
constexpr std::chrono::milliseconds kPause{100};

fs::path file_of(const fs::path& folder, Offset base, std::string_view suffix) {
    const auto path = engine::segment_path("", base, suffix);
    return folder / fs::path(path.view()).filename();
}

// The row of what is sealed from `start` on. `settled`: none of it is being replaced.
PartitionRow sealed_part(const PartitionRow& all, Offset start, bool& settled) {
    PartitionRow part;
    part.key = all.key;
    part.log_start = part.flushed_offset = start;
    settled = true;
    for (std::size_t i = 0; i + 1 < all.segments.size(); ++i) {
        const auto& segment = all.segments[i];
        const auto next = all.segments[i + 1].base;
        if (next <= start) continue;
        if (!segment.sealed) break;
        settled = settled && !segment.swapping;
        part.segments.push_back(segment);
        part.flushed_offset = next;
    }
    for (const auto& epoch : all.epochs) {
        if (epoch.start < part.flushed_offset) part.epochs.push_back(epoch);
    }
    return part;
}

Outcome<PartitionRow> row_now(const fs::path& data, const engine::PartitionKey& key) {
    const auto known = segment::read_rows(data);
    if (!known) return std::unexpected(known.error());
    const auto found = known->rows.find(key);
    if (found != known->rows.end()) return found->second;
    PartitionRow none;  // Nothing of it is stored yet.
    none.key = key;
    return none;
}

// False: one of the files is not there any more.
Outcome<bool> link_all(const fs::path& from, const fs::path& to, SealedLinks& links) {
    for (const auto& segment : links.row.segments) {
        for (const auto suffix : kSuffixes) {
            const auto linked = link_or_copy(file_of(from, segment.base, suffix),
                                             file_of(to, segment.base, suffix));
            if (!linked) return std::unexpected(linked.error());
            if (suffix != engine::kLogSuffix) continue;  // A missing index is made again.
            if (!*linked) return false;
            (**linked ? links.linked_bytes : links.copied_bytes) += segment.bytes;
        }
    }
    return true;
}

Outcome<void> empty(const fs::path& folder) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error))
        fs::remove(entry.path(), error);
    if (error) return std::unexpected(fmt::format("{}: {}.", folder.string(), error.message()));
    return {};
}

}  // namespace

Outcome<SealedLinks> link_sealed(const fs::path& data,
                                 const std::string& name,
                                 const engine::PartitionKey& key,
                                 Offset start,
                                 const fs::path& to) {
    const auto from = data / engine::kTopicsDirectory / name;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        if (attempt > 0) {
            std::this_thread::sleep_for(kPause);
            if (auto emptied = empty(to); !emptied) return std::unexpected(emptied.error());
        }
        const auto all = row_now(data, key);
        if (!all) return std::unexpected(all.error());
        bool settled = false;
        SealedLinks links;
        links.row = sealed_part(*all, start, settled);
        if (!settled) continue;
        const auto complete = link_all(from, to, links);
        if (!complete) return std::unexpected(complete.error());
        if (!*complete) continue;
        // Names change hands only behind a checkpoint that says so.
        const auto after = row_now(data, key);
        if (!after) return std::unexpected(after.error());
        const auto same = sealed_part(*after, start, settled);
        if (settled && std::ranges::equal(same.segments, links.row.segments)) return links;
    }
    return std::unexpected(fmt::format(
            "The segments of {} were replaced again and again meanwhile. Try again.", name));
}

}  // namespace millrace::backup
