// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace produce --expect-offset: the input as batches that are stored one behind the other, or
// not at all.
#pragma once

#include "millrace/producer.h"
#include "tools/millrace/ack_writer.h"
#include "tools/millrace/line_reader.h"
#include "tools/millrace/record_lines.h"

#include <cstdint>

namespace millrace::cli {

// All records as one batch, or, of an input too large for that, one batch after the other, each to
// where the one before ended. The next one is sent when the one before is stored: if others were on
// their way behind it, and it were refused, one of them might find its offset by chance and leave a
// hole in the input. `acknowledged` counts records. Errors: unexpected_offset, and what else a
// producer answers; what was acknowledged stays stored.
[[nodiscard]] Result<void> send_conditionally(const ProduceOptions& options,
                                              RecordLines& lines,
                                              LineReader& reader,
                                              Producer& producer,
                                              AckWriter* acks,
                                              std::uint64_t& acknowledged);

}  // namespace millrace::cli
