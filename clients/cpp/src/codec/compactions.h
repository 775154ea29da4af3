// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// compact_records.
#pragma once

#include "codec/messages.h"
#include "millrace/result.h"
#include "net/call.h"

#include <span>
#include <vector>

namespace millrace::detail {

// Requires: at most kRequestRowsMax rows, no partition twice.
EncodedRequest encode_compact_records(std::span<const CompactionRow> rows);

// One row for each of the request's, in its order. Errors: protocol_violation, the broker's.
Result<std::vector<CompactedRow>> decode_compact_records(const Response& response,
                                                         std::span<const CompactionRow> rows);

}  // namespace millrace::detail
