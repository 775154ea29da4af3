// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One parser of foreign bytes: what it is fed, what must hold of its answers whatever they are, and
// where a search begins. Driven by libFuzzer (tools/dev fuzz), and over the stored corpus by a test
// of every build.
#pragma once

#include "engine/types.h"
#include "schemas/wire/frame.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::fuzz {

using Input = std::vector<std::byte>;

struct Fuzzer {
    std::string name;

    // Parses. What does not hold is asserted.
    void (*run)(engine::Bytes input) = nullptr;

    // Valid inputs, written by what writes them in earnest.
    std::vector<Input> (*seeds)() = nullptr;

    // After a mutation: makes lengths and checksums right again, so that it gets behind them.
    void (*seal)(Input& input) = nullptr;

    // Of what is compressed: the form in which a mutation means something, and back.
    std::optional<Input> (*unpack)(engine::Bytes input) = nullptr;
    void (*pack)(Input& input) = nullptr;
};

// Those whose files are linked, by name. A name begins with the word of its file: "batch-lz4".
[[nodiscard]] const std::vector<Fuzzer>& fuzzers();
// Null: no fuzzer has that name.
[[nodiscard]] const Fuzzer* find_fuzzer(std::string_view name);

// One in each file makes the file's fuzzers known before main() begins.
class Registration {
public:
    explicit Registration(std::vector<Fuzzer> added);
};

// The bytes at an address that is a multiple of 8, with nothing readable behind them.
class AlignedCopy {
public:
    explicit AlignedCopy(engine::Bytes bytes);

    [[nodiscard]] engine::Bytes bytes() const noexcept { return {data_.get(), size_}; }

private:
    std::unique_ptr<std::byte[]> data_;
    std::size_t size_;
};

[[nodiscard]] Input to_input(engine::Bytes bytes);

// The header's bytes at the front. Requires: they have room.
void put_header(Input& frame, const wire::FrameHeader& header);

// Makes the header at the front right for all that follows it; pads to whole units of 8.
void seal_frame(Input& frame, std::uint8_t flags);

}  // namespace millrace::fuzz
