// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// list_offsets.
#pragma once

#include "codec/messages.h"
#include "millrace/result.h"
#include "net/call.h"

#include <span>
#include <vector>

namespace millrace::detail {

// Requires: at most kRequestRowsMax rows, no partition twice.
EncodedRequest encode_list_offsets(std::span<const OffsetRow> rows);

// One row for each of the request's, in its order. Errors: protocol_violation, the broker's.
Result<std::vector<ListedRow>> decode_list_offsets(const Response& response,
                                                   std::span<const OffsetRow> rows);

}  // namespace millrace::detail
