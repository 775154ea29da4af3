// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Producer::append_atomic(): one batch for each partition, one request, one answer.
#pragma once

#include "core/client_core.h"
#include "millrace/producer.h"

#include <vector>

namespace millrace::detail {

// Waits for the answer. Errors: as Producer::append_atomic().
Result<std::vector<Ack>> append_atomic(ClientCore& client,
                                       Compression compression,
                                       const std::vector<Record>& records,
                                       const std::vector<ExpectedOffset>& expected);

}  // namespace millrace::detail
