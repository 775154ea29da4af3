// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The bytes of a simulated file, in copy-on-write blocks: a copy costs a pointer per block.
#pragma once

#include "engine/types.h"
#include "engine/units.h"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::testing {

inline constexpr std::uint64_t kSimSectorBytes = 512;

class SimImage {
public:
    [[nodiscard]] std::uint64_t size() const { return size_; }

    // Shrinking gives blocks back and clears the rest of the last one; growing makes a hole.
    void resize(std::uint64_t size);

    // Grows the size where needed.
    void write(std::uint64_t position, engine::Bytes bytes);

    // Fills `to` from `position` on; holes and what lies beyond the size are zeros.
    void read(std::uint64_t position, engine::MutableBytes to) const;

    // Gives every hole of the range a block of zeros. Does not change the size.
    void allocate(std::uint64_t position, std::uint64_t length);

    // Blocks that write() or allocate() would have to find on the device.
    [[nodiscard]] std::uint64_t missing_blocks(std::uint64_t position, std::uint64_t length) const;
    [[nodiscard]] std::uint64_t allocated_blocks() const;

    // Equal contents have equal digests, holes or not.
    [[nodiscard]] std::uint64_t digest() const;

private:
    struct Block {
        std::array<std::byte, engine::kBlockBytes> bytes{};
        std::uint64_t digest = 0;  // 0: not computed yet.
    };

    Block& own(std::uint64_t index);

    std::uint64_t size_ = 0;
    std::vector<std::shared_ptr<Block>> blocks_;  // Null: a hole.
};

}  // namespace millrace::testing
