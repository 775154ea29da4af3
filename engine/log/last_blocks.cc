// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/last_blocks.h"

#include "engine/base/crc32c.h"
#include "engine/units.h"

#include <utility>

namespace millrace::engine {

void LastBlocks::put(LogState& log, BufferRef buffer) noexcept {
    ASSERT(!log.last_block.buffer);
    log.last_block.buffer = std::move(buffer);
    log.last_block.crc_known = false;
    log.last_block.older = newest_;
    (newest_ == nullptr ? oldest_ : newest_->last_block.newer) = &log;
    newest_ = &log;
    if (++count_ <= blocks_max_) return;
    auto& given_up = *oldest_;
    const auto bytes = given_up.segments.storing()->bytes % kBlockBytes;
    const BufferRef old = take(given_up);
    given_up.last_block.crc = crc32c({old->data, bytes});
    given_up.last_block.crc_known = true;
}

BufferRef LastBlocks::take(LogState& log) noexcept {
    if (!log.last_block.buffer) return {};
    unlink(log);
    return std::move(log.last_block.buffer);
}

void LastBlocks::unlink(LogState& log) noexcept {
    auto& block = log.last_block;
    (block.older == nullptr ? oldest_ : block.older->last_block.newer) = block.newer;
    (block.newer == nullptr ? newest_ : block.newer->last_block.older) = block.older;
    block.older = block.newer = nullptr;
    --count_;
}

}  // namespace millrace::engine
