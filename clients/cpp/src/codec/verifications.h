// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// verify_records, one partition at a time.
#pragma once

#include "codec/messages.h"
#include "millrace/admin.h"
#include "net/call.h"

#include <vector>

namespace millrace::detail {

struct VerifiedRow {
    RowError error;
    bool at_end = false;
    std::int64_t next_offset = -1;
    PartitionVerification found;  // Without the partition.
};

EncodedRequest encode_verify_records(const Uuid& topic, std::uint32_t partition, std::int64_t from);

// Errors: protocol_violation, the broker's.
Result<VerifiedRow> decode_verify_records(const Response& response,
                                          const Uuid& topic,
                                          std::uint32_t partition,
                                          std::int64_t from);

}  // namespace millrace::detail
