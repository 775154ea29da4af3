// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Names of a partition's files below the data directory. Kafka's, so that its tools find them.
#pragma once

#include "engine/types.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace::engine {

inline constexpr std::string_view kTopicsDirectory = "topics";
inline constexpr std::string_view kTrashDirectory = "trash";
inline constexpr std::string_view kPartitionMetadataName = "partition.metadata";
inline constexpr std::string_view kLeaderEpochName = "leader-epoch-checkpoint";
inline constexpr std::string_view kLogSuffix = ".log";
inline constexpr std::string_view kOffsetIndexSuffix = ".index";
inline constexpr std::string_view kTimeIndexSuffix = ".timeindex";
inline constexpr std::string_view kSnapshotSuffix = ".snapshot";
inline constexpr std::string_view kTemporarySuffix = ".tmp";
// Behind a segment's file that compaction has made and that does not have its name yet.
inline constexpr std::string_view kSwapSuffix = ".swap";

// A path relative to the data directory, in place: making one allocates nothing.
class FilePath {
public:
    FilePath() = default;

    explicit FilePath(std::string_view text) { append(text); }

    FilePath& append(std::string_view text) noexcept;
    FilePath& append_number(std::uint64_t number, int digits_min) noexcept;

    void clear() noexcept { size_ = 0; }

    // Valid until the path changes or dies.
    [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }

private:
    // A folder's name has at most 249 + 11 characters; with it the longest path has under 300.
    std::array<char, 384> text_{};
    std::size_t size_ = 0;
};

// topics/<directory>
[[nodiscard]] FilePath partition_path(std::string_view directory) noexcept;
// topics/<directory>/<name>
[[nodiscard]] FilePath partition_file_path(std::string_view directory,
                                           std::string_view name) noexcept;
// topics/<directory>/<base in 20 digits><suffix>
[[nodiscard]] FilePath segment_path(std::string_view directory,
                                    Offset base,
                                    std::string_view suffix) noexcept;
// Of the segment that a file in a partition's folder belongs to; none: it is no segment's.
[[nodiscard]] std::optional<Offset> segment_base_of(std::string_view name) noexcept;
// trash/<topic id in hex>-<partition>, and from the second attempt on -<attempt> behind it.
[[nodiscard]] FilePath trash_path(const PartitionKey& key, std::uint32_t attempt) noexcept;

}  // namespace millrace::engine
