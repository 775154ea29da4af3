// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The messages of fixed layout that open a connection (wire/hello.h), to and from bytes.
#pragma once

#include "engine/types.h"
#include "schemas/wire/hello.h"

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace millrace::broker {

inline constexpr std::size_t kHelloTextBytesMax = 128;

struct Hello {
    std::string_view name;  // The client's and its version; borrowed from the payload.
    std::string_view version;
};

// The payload of a frame without table. None: a length or a reserved field is wrong.
[[nodiscard]] std::optional<Hello> parse_hello(engine::Bytes payload) noexcept;

// Builds the response: its fields, then ranges and texts in the order they are put.
class HelloResponseWriter {
public:
    explicit HelloResponseWriter(const wire::HelloResponse& response) noexcept;

    void put(const wire::ApiRange& range) noexcept;
    void put(std::string_view text) noexcept;

    // Padded with zeros to whole units of 8. Lives as long as the writer.
    [[nodiscard]] engine::Bytes bytes() const noexcept;

private:
    void put(const void* from, std::size_t size) noexcept;

    // Room for 64 ranges and both texts.
    alignas(8) std::array<std::byte, 1024> bytes_{};
    std::size_t size_ = 0;
};

}  // namespace millrace::broker
