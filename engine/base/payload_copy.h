// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The one function that copies payload in user space, so that copies can be counted: one before
// the acknowledgement, one at the flush, none on the way out.
#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace::engine {

struct PayloadCopies {
    std::uint64_t calls = 0;
    std::uint64_t bytes = 0;
};

void copy_payload(std::byte* to, const std::byte* from, std::size_t bytes) noexcept;

// Of this thread.
[[nodiscard]] PayloadCopies payload_copies() noexcept;

}  // namespace millrace::engine
