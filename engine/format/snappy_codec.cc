// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/base/byte_order.h"
#include "engine/format/codecs.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <snappy.h>

namespace millrace::engine::codecs {

namespace {

// snappy-java's stream: these 8 bytes, two version numbers, then blocks with their length before
// them, big endian. 32 KiB of input make a block.
constexpr std::array<unsigned char, 8> kMagic{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr std::size_t kStreamHeaderBytes = 16;
constexpr std::size_t kBlockInputBytes = 32 * 1024UL;

const char* text(const std::byte* bytes) {
    return reinterpret_cast<const char*>(bytes);
}

Result<void> decompress_block(Bytes from, std::size_t begin, std::size_t bytes_max, Output& to) {
    std::size_t length = 0;
    if (!snappy::GetUncompressedLength(text(from.data()), from.size(), &length)) {
        return failure(Errc::corrupt_batch);
    }
    // A block cannot grow more than its format allows: 64 bytes of output for 3 of input.
    if (length / 32 > from.size()) return failure(Errc::corrupt_batch);
    const auto made = to.size() - begin;
    if (length > bytes_max - std::min(made, bytes_max)) return failure(Errc::batch_too_large);
    const auto at = to.size();
    to.resize(at + length);
    if (!snappy::RawUncompress(
                text(from.data()), from.size(), reinterpret_cast<char*>(to.data() + at))) {
        return failure(Errc::corrupt_batch);
    }
    return {};
}

}  // namespace

Result<void> snappy_compress(Bytes from, Output& to) {
    const auto header_at = to.size();
    to.resize(header_at + kStreamHeaderBytes);
    std::memcpy(to.data() + header_at, kMagic.data(), kMagic.size());
    store_big(to.data() + header_at + 8, std::int32_t{1});
    store_big(to.data() + header_at + 12, std::int32_t{1});
    while (!from.empty()) {
        const auto block = from.first(std::min(from.size(), kBlockInputBytes));
        from = from.subspan(block.size());
        const auto at = to.size();
        to.resize(at + 4 + snappy::MaxCompressedLength(block.size()));
        std::size_t length = 0;
        snappy::RawCompress(text(block.data()),
                            block.size(),
                            reinterpret_cast<char*>(to.data() + at + 4),
                            &length);
        store_big(to.data() + at, static_cast<std::int32_t>(length));
        to.resize(at + 4 + length);
    }
    return {};
}

Result<void> snappy_decompress(Bytes from, std::size_t bytes_max, Output& to) {
    const auto begin = to.size();
    if (from.size() < kStreamHeaderBytes ||
        std::memcmp(from.data(), kMagic.data(), kMagic.size()) != 0) {
        return decompress_block(from, begin, bytes_max, to);
    }
    from = from.subspan(kStreamHeaderBytes);
    while (!from.empty()) {
        if (from.size() < 4) return failure(Errc::corrupt_batch);
        const auto length = load_big<std::uint32_t>(from.data());
        from = from.subspan(4);
        if (length > from.size()) return failure(Errc::corrupt_batch);
        TRY_VOID(decompress_block(from.first(length), begin, bytes_max, to));
        from = from.subspan(length);
    }
    return {};
}

}  // namespace millrace::engine::codecs
