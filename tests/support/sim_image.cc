// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/sim_image.h"

#include <algorithm>
#include <cstring>

namespace millrace::testing {

using engine::kBlockBytes;

namespace {

constexpr std::uint64_t kDigestSeed = 0x9e3779b97f4a7c15U;

std::uint64_t mix(std::uint64_t digest, std::uint64_t word) {
    digest = (digest ^ word) * 0xff51afd7ed558ccdU;
    return digest ^ (digest >> 32U);
}

std::uint64_t digest_of(engine::Bytes bytes) {
    std::uint64_t digest = kDigestSeed;
    bool zero = true;
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + at, sizeof word);
        zero = zero && word == 0;
        digest = mix(digest, word);
    }
    return zero ? 1 : digest | 2U;
}

}  // namespace

SimImage::Block& SimImage::own(std::uint64_t index) {
    if (blocks_.size() <= index) blocks_.resize(index + 1);
    auto& block = blocks_[index];
    if (!block) {
        block = std::make_shared<Block>();
    } else if (block.use_count() > 1) {
        block = std::make_shared<Block>(*block);
    }
    block->digest = 0;
    return *block;
}

void SimImage::resize(std::uint64_t size) {
    if (size < size_) {
        const std::uint64_t kept = engine::round_up(size, kBlockBytes) / kBlockBytes;
        if (blocks_.size() > kept) blocks_.resize(kept);
        const std::uint64_t rest = size % kBlockBytes;
        if (rest != 0 && blocks_.size() == kept && blocks_.back()) {
            auto& block = own(kept - 1);
            std::memset(block.bytes.data() + rest, 0, kBlockBytes - rest);
        }
    }
    size_ = size;
}

void SimImage::write(std::uint64_t position, engine::Bytes bytes) {
    size_ = std::max(size_, position + bytes.size());
    while (!bytes.empty()) {
        const std::uint64_t within = position % kBlockBytes;
        const std::uint64_t part = std::min<std::uint64_t>(bytes.size(), kBlockBytes - within);
        std::memcpy(own(position / kBlockBytes).bytes.data() + within, bytes.data(), part);
        bytes = bytes.subspan(part);
        position += part;
    }
}

void SimImage::read(std::uint64_t position, engine::MutableBytes to) const {
    while (!to.empty()) {
        const std::uint64_t index = position / kBlockBytes;
        const std::uint64_t within = position % kBlockBytes;
        const std::uint64_t part = std::min<std::uint64_t>(to.size(), kBlockBytes - within);
        if (index < blocks_.size() && blocks_[index]) {
            std::memcpy(to.data(), blocks_[index]->bytes.data() + within, part);
        } else {
            std::memset(to.data(), 0, part);
        }
        to = to.subspan(part);
        position += part;
    }
}

void SimImage::allocate(std::uint64_t position, std::uint64_t length) {
    const std::uint64_t end = engine::round_up(position + length, kBlockBytes) / kBlockBytes;
    if (blocks_.size() < end) blocks_.resize(end);
    for (std::uint64_t index = position / kBlockBytes; index < end; ++index) {
        if (!blocks_[index]) blocks_[index] = std::make_shared<Block>();
    }
}

std::uint64_t SimImage::missing_blocks(std::uint64_t position, std::uint64_t length) const {
    const std::uint64_t end = engine::round_up(position + length, kBlockBytes) / kBlockBytes;
    std::uint64_t missing = 0;
    for (std::uint64_t index = position / kBlockBytes; index < end; ++index) {
        if (index >= blocks_.size() || !blocks_[index]) ++missing;
    }
    return missing;
}

std::uint64_t SimImage::allocated_blocks() const {
    return static_cast<std::uint64_t>(
            std::ranges::count_if(blocks_, [](const auto& block) { return block != nullptr; }));
}

std::uint64_t SimImage::digest() const {
    std::uint64_t digest = mix(kDigestSeed, size_);
    for (std::uint64_t index = 0; index < blocks_.size(); ++index) {
        const auto& block = blocks_[index];
        if (!block) continue;
        if (block->digest == 0) block->digest = digest_of(block->bytes);
        if (block->digest != 1) digest = mix(mix(digest, index), block->digest);
    }
    return digest;
}

}  // namespace millrace::testing
