// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Builds response tables in memory of its own, again and again.
//
// Lifecycle:   one per shard. begin, build, finish; the bytes live until the next begin.
// Thread:      its shard's. No allocation once the memory has grown to the usual size.
#pragma once

#include "engine/types.h"

#include <flatbuffers/flatbuffers.h>

namespace millrace::broker {

class ResponseWriter {
public:
    ResponseWriter();

    // An empty builder. Requires: nothing of an earlier response is still to be read.
    [[nodiscard]] flatbuffers::FlatBufferBuilder& begin();

    // The table: 8-aligned, its size a multiple of 8.
    template <class T>
    [[nodiscard]] engine::Bytes finish(flatbuffers::Offset<T> root) {
        builder_.Finish(root);
        return finished();
    }

private:
    [[nodiscard]] engine::Bytes finished() noexcept;

    flatbuffers::FlatBufferBuilder builder_;
    std::size_t largest_ = 0;
};

}  // namespace millrace::broker
