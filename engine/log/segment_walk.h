// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Walks the batches of one segment, window by window, and gives those that are right. What is
// damaged is passed over; what comes behind it is found again by its place and checksum.
#pragma once

#include "engine/format/record_batch.h"
#include "engine/types.h"

#include <cstdint>
#include <optional>

namespace millrace::engine {

// Thread: the shard's. Reads no files: whoever walks reads the windows that it wants.
class SegmentWalk {
public:
    struct From {
        std::uint64_t position = 0;  // Of a batch.
        Offset expected;             // First offset of that batch; a lower bound if `last` is set.
        std::optional<Offset> last{};    // Last offset of that batch, as an index has it.
        Offset end;                      // Of what the segment holds: none ends above it.
        std::uint64_t bytes_end = 0;     // Likewise.
        std::uint64_t window_bytes = 0;  // What to read at once.
        bool has_holes = false;          // As the segment's: a batch may begin above `expected`.
    };

    enum class Found : std::uint8_t {
        batch,       // See batch().
        window_end,  // Read window_position() and window_bytes(), feed(), go on.
        end,         // Of the segment.
        mismatch,    // The first batch is not the one that the index names.
    };

    void begin(const From& from) noexcept;

    // `bytes` lie at window_position() of the file; borrowed until the next feed.
    void feed(Bytes bytes) noexcept;

    [[nodiscard]] Found next() noexcept;

    // After Found::batch. In the window; its place in the file; true when damage lies between it
    // and the batch given before it (or where the walk began).
    [[nodiscard]] const std::byte* batch() const noexcept { return batch_; }

    [[nodiscard]] std::uint64_t batch_position() const noexcept { return batch_position_; }

    [[nodiscard]] bool damage_before() const noexcept { return damage_before_; }

    // Where the walk stands: behind the batch given last, or behind damage.
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

    [[nodiscard]] std::uint64_t window_position() const noexcept { return position_; }

    [[nodiscard]] std::uint64_t window_bytes() const noexcept { return window_bytes_; }

private:
    From from_;
    Bytes window_;
    std::uint64_t window_begin_ = 0;
    std::uint64_t window_bytes_ = 0;
    std::uint64_t position_ = 0;
    Offset expected_;
    bool exact_ = true;     // The next batch begins at expected_, not above it.
    bool damaged_ = false;  // Since the batch given last.
    const std::byte* batch_ = nullptr;
    std::uint64_t batch_position_ = 0;
    bool damage_before_ = false;
};

}  // namespace millrace::engine
