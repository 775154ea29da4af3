// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/base/payload_copy.h"

#include <cstring>

namespace millrace::engine {

namespace {

thread_local PayloadCopies copies;

}  // namespace

void copy_payload(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
    std::memcpy(to, from, bytes);
    ++copies.calls;
    copies.bytes += bytes;
}

PayloadCopies payload_copies() noexcept {
    return copies;
}

}  // namespace millrace::engine
