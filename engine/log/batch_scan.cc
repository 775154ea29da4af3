// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/batch_scan.h"

#include <algorithm>

namespace millrace::engine {

LookedAt look_at_batch(Bytes bytes, const ScanBounds& bounds) noexcept {
    if (bounds.bytes_left < kBatchHeaderBytes) return {};
    if (bytes.size() < kBatchHeaderBytes) return {BatchLook::cut, 0};
    const auto length = load_big<std::int32_t>(bytes.data() + batch_at::kBatchLength);
    if (load_big<std::int8_t>(bytes.data() + batch_at::kMagic) != kBatchMagic) return {};
    if (length < static_cast<std::int32_t>(kBatchHeaderBytes - kBatchPrefixBytes)) return {};
    const auto size = static_cast<std::uint32_t>(length) + kBatchPrefixBytes;
    if (size > bounds.bytes_left || size > kScannedBatchBytesMax) return {};
    const auto batch = BatchView::trusted(bytes.data());
    const auto base = batch.base_offset();
    const auto delta = batch.last_offset_delta();
    if (base < bounds.expected || base >= bounds.end) return {};
    if (delta < 0 || delta >= bounds.end - base) return {};
    return {size > bytes.size() ? BatchLook::cut : BatchLook::whole, size};
}

std::uint64_t bytes_to_skip(Bytes bytes, const ScanBounds& bounds) noexcept {
    const auto end = std::min<std::uint64_t>(bytes.size(), bounds.bytes_left);
    const auto stops_at = [&](std::uint64_t position) {
        const auto rest = bytes.subspan(position);
        const auto looked =
                look_at_batch(rest, {bounds.expected, bounds.end, bounds.bytes_left - position});
        if (looked.look != BatchLook::whole) return looked.look == BatchLook::cut;
        return BatchView::trusted(rest.data()).crc_is_right();
    };
    // Most often only the records are damaged and the length is right.
    const auto front = look_at_batch(bytes, bounds);
    if (front.look == BatchLook::whole && front.size < end && stops_at(front.size)) {
        return front.size;
    }
    for (std::uint64_t position = 1; position < end; ++position) {
        if (stops_at(position)) return position;
    }
    return end;
}

std::uint64_t right_bytes_at_end(Bytes bytes, Offset end, std::uint64_t enough) noexcept {
    std::uint64_t right = 0;
    while (right < enough) {
        const auto limit = bytes.size() - right;
        std::uint64_t size = 0;
        for (auto tried = std::uint64_t{kBatchHeaderBytes}; tried <= limit && size == 0; ++tried) {
            const auto candidate = bytes.subspan(limit - tried, tried);
            const auto parsed = BatchView::parse(candidate);
            if (!parsed || parsed->size() != tried) continue;
            if (parsed->next_offset() != end || parsed->base_offset() >= end) continue;
            if (parsed->crc_is_right()) size = tried;
        }
        if (size == 0) return right;
        right += size;
        end = BatchView::trusted(bytes.data() + bytes.size() - right).base_offset();
    }
    return right;
}

}  // namespace millrace::engine
