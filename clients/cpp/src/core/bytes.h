// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Bytes of the engine's formats and text of the public interface are the same memory.
#pragma once

#include "engine/types.h"

#include <string_view>

namespace millrace::detail {

inline std::string_view text_of(engine::Bytes bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline engine::Bytes bytes_of(std::string_view text) noexcept {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace millrace::detail
