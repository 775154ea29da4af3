// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/backup/sealed_links.h"

#include "engine/format/file_names.h"
#include "tools/segment/known_rows.h"

#include <fmt/format.h>

#include <array>

namespace millrace::backup {

namespace {

namespace fs = std::filesystem;
using engine::Offset;
using engine::PartitionRow;
using engine::SegmentRow;

constexpr std::array kSuffixes{
        engine::kLogSuffix, engine::kOffsetIndexSuffix, engine::kTimeIndexSuffix};

fs::path file_of(const fs::path& folder, Offset base, std::string_view suffix) {
    const auto path = engine::segment_path("", base, suffix);
    return folder / fs::path(path.view()).filename();
}

// The row of what is sealed from `start` on.
PartitionRow sealed_part(const PartitionRow& all, Offset start) {
    PartitionRow part;
    part.key = all.key;
    part.log_start = part.flushed_offset = start;
    for (std::size_t i = 0; i < all.segments.size(); ++i) {
        const auto& segment = all.segments[i];
        const bool last = i + 1 == all.segments.size();
        const auto next = last ? all.flushed_offset : all.segments[i + 1].base;
        if (next <= start) continue;
        if (!segment.sealed) break;
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

// A file of a segment that is being put in place may bear its other name still.
Outcome<std::optional<bool>> link_one(const fs::path& from, const fs::path& to, bool swapping) {
    if (swapping) {
        auto unnamed = from;
        unnamed += engine::kSwapSuffix;
        auto linked = link_or_copy(unnamed, to);
        if (!linked || *linked) return linked;
    }
    return link_or_copy(from, to);
}

// False: one of the files is not there any more.
Outcome<bool> link_all(const fs::path& from, const fs::path& to, SealedLinks& links) {
    for (const auto& segment : links.row.segments) {
        for (const auto suffix : kSuffixes) {
            const auto linked = link_one(file_of(from, segment.base, suffix),
                                         file_of(to, segment.base, suffix),
                                         segment.swapping);
            if (!linked) return std::unexpected(linked.error());
            if (suffix != engine::kLogSuffix) continue;  // A missing index is made again.
            if (!*linked) return false;
            (**linked ? links.linked_bytes : links.copied_bytes) += segment.bytes;
        }
    }
    return true;
}

}  // namespace

Outcome<std::optional<SealedLinks>> link_sealed(const fs::path& data,
                                                const std::string& name,
                                                const engine::PartitionKey& key,
                                                Offset start,
                                                const fs::path& to) {
    const auto all = row_now(data, key);
    if (!all) return std::unexpected(all.error());
    SealedLinks links;
    links.row = sealed_part(*all, start);
    const auto complete = link_all(data / engine::kTopicsDirectory / name, to, links);
    if (!complete) return std::unexpected(complete.error());
    // Names change hands only behind a checkpoint that says so.
    const auto after = row_now(data, key);
    if (!after) return std::unexpected(after.error());
    if (!*complete || sealed_part(*after, start).segments != links.row.segments) {
        return std::nullopt;
    }
    for (auto& segment : links.row.segments)
        segment.swapping = false;
    return links;
}

}  // namespace millrace::backup
