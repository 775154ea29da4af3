// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The batches of a segment file one after the other, whatever the file holds. Memory: one batch.
#pragma once

#include "engine/format/record_batch.h"

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace millrace::segment {

class SegmentReader {
public:
    // `bytes`: how much of the file is data; none: up to its end, but for zeros. Errors: a
    // sentence.
    [[nodiscard]] static std::expected<SegmentReader, std::string> open(
            const std::filesystem::path& file, std::optional<std::uint64_t> bytes);

    ~SegmentReader();
    SegmentReader(SegmentReader&& other) noexcept;
    SegmentReader& operator=(SegmentReader&&) = delete;
    SegmentReader(const SegmentReader&) = delete;
    SegmentReader& operator=(const SegmentReader&) = delete;

    // The batch at position(), which moves behind it; none at the end of the data. The view lives
    // until the next call. An error says why no batch begins there, and position() stays. Only
    // lengths and offsets have been looked at, no checksum.
    [[nodiscard]] std::expected<std::optional<engine::BatchView>, std::string> next();

    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

    [[nodiscard]] std::uint64_t end() const noexcept { return end_; }

    void seek(std::uint64_t position) noexcept { position_ = position; }

private:
    SegmentReader(int descriptor, std::uint64_t end, bool zeros_end_it)
            : descriptor_(descriptor), end_(end), zeros_end_it_(zeros_end_it) {}

    // Makes buffer_ hold the first `bytes` at position(). The error is a sentence.
    [[nodiscard]] std::expected<void, std::string> fill(std::size_t bytes);
    [[nodiscard]] bool only_zeros_follow();

    int descriptor_;
    std::uint64_t position_ = 0;
    std::uint64_t end_;
    bool zeros_end_it_;
    std::vector<std::byte> buffer_;
    std::uint64_t buffer_at_ = 0;
    std::size_t buffered_ = 0;
};

}  // namespace millrace::segment
