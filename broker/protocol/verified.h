// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The only way to a readable request: a table that passed FlatBuffers' verifier within our limits
// and then the checks of its own kind (request_checks.h).
#pragma once

#include "broker/net/frame_handler.h"
#include "broker/protocol/refusal.h"
#include "engine/types.h"

#include <flatbuffers/flatbuffers.h>

namespace millrace::broker {

inline constexpr std::uint32_t kTableDepthMax = 8;
inline constexpr std::uint32_t kTablesMax = 256;
inline constexpr std::uint32_t kStructRowsMax = 16'384;
// Strings that a request appears to hold. FlatBuffers lets many offsets name the same bytes, so
// that a small message can look, and cost, like a huge one.
inline constexpr std::uint32_t kApparentStringsMax = 16'384;
inline constexpr std::uint32_t kApparentBytesMax = 1U << 20;

template <class T>
class Verified;

// Errors: malformed_request, and what the request's own checks refuse as a whole.
template <class T>
[[nodiscard]] Checked<Verified<T>> verify(const IncomingFrame& frame);

// Borrows the frame's buffer: readable as long as it is held.
template <class T>
class Verified {
public:
    const T* operator->() const noexcept { return table_; }

    const T& operator*() const noexcept { return *table_; }

private:
    friend Checked<Verified<T>> verify<T>(const IncomingFrame& frame);

    explicit Verified(const T* table) noexcept : table_(table) {}

    const T* table_;
};

// True when every table, vector and string lies inside `bytes` and the limits above hold.
template <class T>
[[nodiscard]] bool verify_structure(engine::Bytes bytes);

}  // namespace millrace::broker
