// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/protocol/response_writer.h"

#include "engine/assert.h"
#include "schemas/wire/frame.h"

#include <algorithm>

namespace millrace::broker {
namespace {

constexpr std::size_t kFirstBytes = 16 * 1024UL;
// Memory beyond this goes back after the response that needed it: such answers (all topics of a
// large cluster) are rare.
constexpr std::size_t kKeptBytesMax = 256 * 1024UL;

}  // namespace

ResponseWriter::ResponseWriter() : builder_(kFirstBytes) {}

flatbuffers::FlatBufferBuilder& ResponseWriter::begin() {
    if (largest_ > kKeptBytesMax) {
        builder_.Reset();
        largest_ = 0;
    } else {
        builder_.Clear();
    }
    // The whole buffer is then aligned, and padded, to 8 whatever its fields are.
    builder_.Align(wire::kFrameAlignment);
    return builder_;
}

engine::Bytes ResponseWriter::finished() noexcept {
    const auto span = builder_.GetBufferSpan();
    ASSERT(span.size() % wire::kFrameAlignment == 0);
    largest_ = std::max(largest_, span.size());
    return {reinterpret_cast<const std::byte*>(span.data()), span.size()};
}

}  // namespace millrace::broker
