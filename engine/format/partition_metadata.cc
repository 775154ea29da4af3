// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/partition_metadata.h"

#include <cstdint>

namespace millrace::engine {

namespace {

constexpr std::string_view kPrefix = "version: 0\ntopic_id: ";
constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kIdCharacters = 22;  // 128 bits, 6 each; the last four bits are zero.

}  // namespace

std::string encode_partition_metadata(const TopicId& id) {
    std::string text(kPrefix);
    std::uint32_t bits = 0;
    int held = 0;
    for (const auto byte : id.bytes) {
        bits = bits << 8U | byte;
        for (held += 8; held >= 6; held -= 6)
            text += kAlphabet[bits >> (held - 6) & 0x3fU];
    }
    text += kAlphabet[bits << (6 - held) & 0x3fU];
    return text;
}

std::optional<TopicId> decode_partition_metadata(std::string_view text) noexcept {
    if (!text.starts_with(kPrefix)) return std::nullopt;
    text.remove_prefix(kPrefix.size());
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.size() != kIdCharacters) return std::nullopt;
    TopicId id;
    std::size_t filled = 0;
    std::uint32_t bits = 0;
    int held = 0;
    for (const auto character : text) {
        const auto value = kAlphabet.find(character);
        if (value == std::string_view::npos) return std::nullopt;
        bits = bits << 6U | static_cast<std::uint32_t>(value);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        if (filled == id.bytes.size()) return std::nullopt;
        id.bytes[filled++] = static_cast<std::uint8_t>(bits >> held);
    }
    if ((bits & ((1U << held) - 1)) != 0) return std::nullopt;
    return id;
}

}  // namespace millrace::engine
