// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/wal/wal_scan.h"

#include "engine/units.h"

#include <algorithm>

namespace millrace::engine {

Result<ScannedFile> scan_file(WalDirectory& directory,
                              const FoundWalFile& file,
                              std::uint64_t position,
                              std::uint32_t directory_number,
                              Sequence sequence_min,
                              std::vector<ScannedGroup>& later) {
    ScannedFile scanned;
    const std::uint64_t file_end = round_down(file.bytes, kBlockBytes);
    while (position < file_end) {
        TRY(const auto window, directory.at(file, position, kBlockBytes));
        for (std::uint64_t skip = 0; skip + kBlockBytes <= window.bytes; skip += kBlockBytes) {
            const auto header = read_group_header({window.data + skip, kBlockBytes});
            const std::uint64_t at = position + skip;
            if (!header || header->directory != directory_number ||
                header->block != at / kBlockBytes) {
                continue;
            }
            scanned.file_number = std::max(scanned.file_number, header->file_number);
            scanned.written_bytes = std::min(
                    file_end,
                    std::max(scanned.written_bytes, at + round_up(header->length, kBlockBytes)));
            if (header->sequence >= sequence_min) later.push_back({&file, at, *header});
        }
        position += window.bytes;
    }
    return scanned;
}

void keep_followers(std::vector<ScannedGroup>& later, const WalPosition& end) {
    std::ranges::sort(later, [](const ScannedGroup& a, const ScannedGroup& b) {
        if (a.header.run_number != b.header.run_number) {
            return a.header.run_number < b.header.run_number;
        }
        return a.header.sequence < b.header.sequence;
    });
    // Nothing is known about runs when there is no group before: then all may follow.
    if (end.run_bits == 0) return;
    std::vector<std::uint64_t> known{end.run_bits};
    std::erase_if(later, [&](const ScannedGroup& group) {
        const WalGroupHeader& header = group.header;
        if (header.run_number < end.run_number) return true;
        if (std::ranges::find(known, header.run_bits) != known.end()) return false;
        if (header.run_number == end.run_number) return true;
        if (std::ranges::find(known, header.previous_run_bits) == known.end()) return true;
        known.push_back(header.run_bits);
        return false;
    });
}

}  // namespace millrace::engine
