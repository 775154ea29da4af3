// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The four codecs behind compression.h, one file each. Same contracts.
#pragma once

#include "engine/result.h"
#include "engine/types.h"

#include <cstddef>
#include <vector>

namespace millrace::engine::codecs {

using Output = std::vector<std::byte>;

Result<void> gzip_compress(Bytes from, Output& to);
Result<void> gzip_decompress(Bytes from, std::size_t bytes_max, Output& to);

// Written in blocks with snappy-java's framing; read with it or as one bare block.
Result<void> snappy_compress(Bytes from, Output& to);
Result<void> snappy_decompress(Bytes from, std::size_t bytes_max, Output& to);

// LZ4 frame format 1.5, independent 64 KiB blocks.
Result<void> lz4_compress(Bytes from, Output& to);
Result<void> lz4_decompress(Bytes from, std::size_t bytes_max, Output& to);

// One frame without its content size.
Result<void> zstd_compress(Bytes from, Output& to);
Result<void> zstd_decompress(Bytes from, std::size_t bytes_max, Output& to);

// Room for up to `step` more bytes behind what `to` holds, at most bytes_max + 1 in all since
// `begin`: a decoder that uses the one byte too many has more than is allowed, and one that needs
// it only to notice its own end has not. Returns how many were added.
std::size_t grow_output(Output& to, std::size_t begin, std::size_t step, std::size_t bytes_max);

// Whether more than bytes_max were made since `begin`.
bool output_is_too_long(const Output& to, std::size_t begin, std::size_t bytes_max);

}  // namespace millrace::engine::codecs
