// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Where the bytes of one run are gathered, as whole blocks of the segment file: the rest of the
// block in which the file ends now, the blocks in the middle, and the block in which it will end.
// The first and the last are buffers of one block, so that no byte is copied again by the next run.
#pragma once

#include "engine/arena.h"
#include "engine/buffer.h"

#include <cstdint>

namespace millrace::engine {

// Lifecycle:   set_out, append until everything is in, then the writes; clear.
class RunBuffers {
public:
    struct Write {
        std::byte* buffer = nullptr;
        std::uint64_t position = 0;
        std::uint32_t length = 0;
    };

    // A run of `bytes` at `position` of the file. `last_block` holds what the file has of the block
    // that `position` lies in; null when it begins a block.
    // Returns false, and nothing is kept, when the arena is used up.
    [[nodiscard]] bool set_out(Arena& arena,
                               std::uint64_t position,
                               std::uint64_t bytes,
                               const BufferRef& last_block) noexcept;

    void append(const std::byte* data, std::uint32_t size) noexcept;

    // The next write, of at most `bytes_max`; length 0: no more.
    [[nodiscard]] Write next_write(std::uint32_t bytes_max) noexcept;

    // The block in which the file ends after the run; null when it ends with a block.
    [[nodiscard]] BufferRef take_last_block() noexcept;

    void clear() noexcept { *this = RunBuffers{}; }

private:
    struct Part {
        BufferRef buffer;
        std::uint64_t position = 0;  // In the file, of buffer->data.
        std::uint64_t bytes = 0;     // To be written: whole blocks.
        std::uint64_t filled = 0;
        std::uint64_t fill_end = 0;
        std::uint64_t written = 0;
    };

    static constexpr std::size_t kParts = 3;
    Part parts_[kParts];
    std::uint64_t end_ = 0;
};

}  // namespace millrace::engine
