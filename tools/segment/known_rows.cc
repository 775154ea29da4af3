// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/segment/known_rows.h"

#include "engine/format/checkpoint_codec.h"
#include "tools/segment/whole_file.h"

#include <fmt/format.h>

#include <optional>
#include <span>

namespace millrace::segment {

std::expected<KnownRows, std::string> read_rows(const std::filesystem::path& directory) {
    std::optional<engine::Checkpoint> newest;
    for (const auto slot : engine::kCheckpointSlots) {
        const auto text = read_file(directory / slot);
        auto read = engine::decode_checkpoint(std::as_bytes(std::span(text)));
        if (!read && read.error().code == engine::Errc::newer_format) {
            return std::unexpected(
                    fmt::format("{} was written by a later version.", (directory / slot).string()));
        }
        if (read && (!newest || read->number > newest->number)) newest = std::move(*read);
    }
    if (!newest) {
        return std::unexpected(fmt::format("{}: neither checkpoint.a nor checkpoint.b is whole.",
                                           directory.string()));
    }
    KnownRows known{.rows = {}, .clean = newest->clean};
    for (auto& row : newest->partitions)
        known.rows.emplace(row.key, std::move(row));
    return known;
}

}  // namespace millrace::segment
