// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/run_buffers.h"

#include "engine/base/payload_copy.h"
#include "engine/units.h"

#include <algorithm>
#include <cstring>

namespace millrace::engine {

bool RunBuffers::set_out(Arena& arena,
                         std::uint64_t position,
                         std::uint64_t bytes,
                         const BufferRef& last_block) noexcept {
    clear();
    end_ = position + bytes;
    auto& head = parts_[0];
    auto& body = parts_[1];
    auto& foot = parts_[2];
    if (const auto inside = position % kBlockBytes; inside > 0) {
        ASSERT(last_block);
        head.buffer = last_block;
        head.position = position - inside;
        head.bytes = kBlockBytes;
        head.filled = inside;
        head.fill_end = std::min(kBlockBytes, inside + bytes);
        bytes -= head.fill_end - inside;
    }
    body.position = round_up(position, kBlockBytes);
    body.bytes = body.fill_end = round_down(bytes, kBlockBytes);
    foot.position = body.position + body.bytes;
    foot.fill_end = bytes - body.bytes;
    foot.bytes = foot.fill_end > 0 ? kBlockBytes : 0;
    if (body.bytes > 0) body.buffer = arena.allocate(body.bytes);
    if (foot.bytes > 0) foot.buffer = arena.allocate(foot.bytes);
    if ((body.bytes > 0 && !body.buffer) || (foot.bytes > 0 && !foot.buffer)) {
        clear();
        return false;
    }
    if (foot.bytes > 0) std::memset(foot.buffer->data, 0, kBlockBytes);
    return true;
}

void RunBuffers::append(const std::byte* data, std::uint32_t size) noexcept {
    for (auto& part : parts_) {
        const auto taken = std::min<std::uint64_t>(size, part.fill_end - part.filled);
        if (taken == 0) continue;
        copy_payload(part.buffer->data + part.filled, data, taken);
        part.filled += taken;
        data += taken;
        size -= static_cast<std::uint32_t>(taken);
    }
    ASSERT(size == 0);
}

RunBuffers::Write RunBuffers::next_write(std::uint32_t bytes_max) noexcept {
    for (auto& part : parts_) {
        if (part.written == part.bytes) continue;
        ASSERT(part.filled == part.fill_end);
        const auto length = std::min<std::uint64_t>(bytes_max, part.bytes - part.written);
        const Write write{part.buffer->data + part.written,
                          part.position + part.written,
                          static_cast<std::uint32_t>(length)};
        part.written += length;
        return write;
    }
    return {};
}

BufferRef RunBuffers::take_last_block() noexcept {
    if (end_ % kBlockBytes == 0) return {};
    return parts_[2].bytes > 0 ? parts_[2].buffer : parts_[0].buffer;
}

}  // namespace millrace::engine
