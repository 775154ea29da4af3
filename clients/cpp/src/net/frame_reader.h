// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Cuts what arrives into frames, without copying: small frames share a chunk, a large one gets a
// buffer of its own and is read straight into it.
//
// Thread:     one at a time.
// Bound:      a frame's length is checked before memory is taken; of that memory only the pages
//             that bytes arrive in are ever touched.
#pragma once

#include "net/call.h"

#include <cstdint>
#include <memory>
#include <optional>

namespace millrace::detail {

class FrameReader {
public:
    explicit FrameReader(std::uint32_t frame_bytes_max) : frame_bytes_max_(frame_bytes_max) {}

    // Where the next bytes go; never empty.
    [[nodiscard]] engine::MutableBytes room();

    // `bytes` have arrived in room().
    void arrived(std::size_t bytes) noexcept { end_ += bytes; }

    // The next whole frame, or none yet. Errors: protocol_violation, after which the reader is of
    // no use any more.
    [[nodiscard]] Result<std::optional<Response>> next();

    // After the greeting larger frames may come.
    void set_frame_bytes_max(std::uint32_t bytes) noexcept { frame_bytes_max_ = bytes; }

private:
    static constexpr std::size_t kChunkBytes = 64U << 10;

    [[nodiscard]] std::size_t available() const noexcept { return end_ - begin_; }

    void start_memory(std::size_t capacity);

    std::uint32_t frame_bytes_max_;
    std::shared_ptr<std::byte[]> memory_;  // Shared with the frames that lie in it.
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;  // Of the first byte no frame has taken; a multiple of 8.
    std::size_t end_ = 0;    // Of what has arrived.
    std::size_t wanted_ = wire::kFrameHeaderBytes;  // Of the frame at begin_, as far as known.
};

}  // namespace millrace::detail
