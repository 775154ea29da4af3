// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// delete_records.
#pragma once

#include "codec/messages.h"
#include "millrace/result.h"
#include "net/call.h"

#include <span>
#include <vector>

namespace millrace::detail {

// Requires: at most kRequestRowsMax rows, no partition twice.
EncodedRequest encode_delete_records(std::span<const DeletionRow> rows);

// One row for each of the request's, in its order. Errors: protocol_violation, the broker's.
Result<std::vector<DeletedRow>> decode_delete_records(const Response& response,
                                                      std::span<const DeletionRow> rows);

}  // namespace millrace::detail
