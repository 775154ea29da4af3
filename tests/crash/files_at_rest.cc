// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/crash/files_at_rest.h"

#include "engine/format/file_names.h"
#include "engine/format/index_entry.h"
#include "engine/format/record_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace millrace::testing {

using engine::BatchView;
using engine::Offset;

namespace {

// Last offset of the batch at each position.
using Batches = std::map<std::uint64_t, Offset>;

struct SegmentFile {
    std::vector<std::byte> bytes;
    Batches batches;
    std::uint64_t whole = 0;  // Bytes of whole batches from the start on.
    Offset end;
};

std::string path_of(const ModelLog& log, Offset base, std::string_view suffix) {
    return std::string(engine::segment_path(log.directory, base, suffix).view());
}

SegmentFile read_segment(const SimDisk& disk, const ModelLog& log, Offset base) {
    SegmentFile file{disk.contents(path_of(log, base, engine::kLogSuffix)), {}, 0, base};
    while (file.whole < file.bytes.size()) {
        const auto batch = BatchView::parse(engine::Bytes(file.bytes).subspan(file.whole));
        if (!batch || batch->base_offset() < file.end) break;
        if (batch->base_offset() > file.end && !log.config.compacts) break;
        file.batches.emplace(file.whole, batch->last_offset());
        file.whole += batch->size();
        file.end = batch->next_offset();
    }
    return file;
}

// The one that holds the log start, whatever else was left.
Offset first_segment(const SimDisk& disk, const ModelLog& log) {
    const auto folder = std::string(engine::partition_path(log.directory).view()) + "/";
    Offset first(0);
    for (const auto& path : disk.files()) {
        if (!path.starts_with(folder) || !path.ends_with(engine::kLogSuffix)) continue;
        const auto base = engine::segment_base_of(path.substr(folder.size()));
        if (base && *base <= log.start()) first = std::max(first, *base);
    }
    return first;
}

void check_sealed(const SimDisk& disk,
                  const ModelLog& log,
                  Offset base,
                  const SegmentFile& file,
                  std::vector<std::string>& wrong) {
    if (file.whole != file.bytes.size()) {
        wrong.push_back(fmt::format(
                "{}: more than batches in sealed segment {}", log.directory, base.value));
    }
    const auto path = path_of(log, base, engine::kOffsetIndexSuffix);
    std::vector<engine::OffsetEntry> entries;
    if (disk.exists(path)) engine::decode_offset_entries(disk.contents(path), entries);
    for (const auto& entry : entries) {
        const auto batch = file.batches.find(entry.position);
        if (batch == file.batches.end() || batch->second != base + entry.relative_offset) {
            wrong.push_back(fmt::format("{}: no batch where index {} says that {} ends",
                                        log.directory,
                                        base.value,
                                        (base + entry.relative_offset).value));
        }
    }
}

}  // namespace

void check_files_at_rest(const SimDisk& disk,
                         const ModelLog& log,
                         std::vector<std::string>& wrong) {
    if (log.start() == log.end()) return;
    std::vector<std::byte> stored;
    const auto first = first_segment(disk, log);
    auto base = first;
    while (base < log.end() && disk.exists(path_of(log, base, engine::kLogSuffix))) {
        const auto file = read_segment(disk, log, base);
        stored.insert(stored.end(),
                      file.bytes.begin(),
                      file.bytes.begin() + static_cast<std::ptrdiff_t>(file.whole));
        if (file.end == base) break;
        if (file.end < log.end()) check_sealed(disk, log, base, file, wrong);
        base = file.end;
    }
    if (base != log.end()) {
        wrong.push_back(fmt::format("{}: segments end at offset {}, the log at {}",
                                    log.directory,
                                    base.value,
                                    log.end().value));
    }
    if (!log.config.compacts) return log.check_read(first, stored, wrong);
    log.check_compacted(std::max(first, log.start()), log.end(), log.end(), stored, wrong);
}

}  // namespace millrace::testing
