// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Compression of the records of a batch, framed as Kafka's Java client frames it.
#pragma once

#include "engine/format/record_batch.h"
#include "engine/result.h"

#include <cstddef>
#include <vector>

namespace millrace::engine {

// Appends the compressed bytes to `to`. Errors: unsupported_batch (unknown codec, or it failed).
[[nodiscard]] Result<void> compress(Codec codec, Bytes from, std::vector<std::byte>& to);

// Appends the original bytes to `to`, at most bytes_max; stops there, whatever the input claims.
// Memory grows with what was really produced. Errors: batch_too_large (more than bytes_max),
// corrupt_batch, unsupported_batch.
[[nodiscard]] Result<void> decompress(Codec codec,
                                      Bytes from,
                                      std::size_t bytes_max,
                                      std::vector<std::byte>& to);

}  // namespace millrace::engine
