// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// ASSERT is for bugs and stays on in every build: it prints the condition and place, and aborts.
// Input, disk bytes and peers are never asserted about: they get an Error.
#pragma once

namespace millrace::engine {

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace millrace::engine

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): it must see the text of its argument.
#define ASSERT(condition)               \
    ((condition) ? static_cast<void>(0) \
                 : ::millrace::engine::assertion_failed(#condition, __FILE__, __LINE__))
