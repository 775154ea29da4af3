// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Vectors of structs written in place.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <cstddef>

namespace millrace::broker {

// `row_at(index)` gives the rows in order. FlatBuffers' own way to do this without a copy,
// CreateUninitializedVectorOfStructs, aligns to the size of a row instead of its alignment (2.0.8).
template <class Row, class RowAt>
[[nodiscard]] flatbuffers::Offset<flatbuffers::Vector<const Row*>> write_rows(
        flatbuffers::FlatBufferBuilder& builder, std::size_t count, RowAt&& row_at) {
    return builder.CreateVectorOfStructs<Row>(
            count, [&row_at](std::size_t index, Row* row) { *row = row_at(index); });
}

}  // namespace millrace::broker
