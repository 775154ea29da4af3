// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/types.h"

#include <cstring>

namespace millrace::broker {

// For tables and headers of responses, which are small. Payload is never copied by this: it goes
// out from where it lies, and on its way in through engine/base/payload_copy.h.
inline void copy_table(std::byte* to, engine::Bytes from) noexcept {
    if (!from.empty()) std::memcpy(to, from.data(), from.size());
}

}  // namespace millrace::broker
