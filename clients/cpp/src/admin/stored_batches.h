// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Admin::read_batches: one fetch without a session, its payload as it is.
#pragma once

#include "core/client_core.h"
#include "millrace/admin.h"

#include <cstdint>

namespace millrace::detail {

Result<StoredBatches> read_batches(ClientCore& client,
                                   const TopicPartition& partition,
                                   std::int64_t offset,
                                   std::uint32_t bytes_max);

}  // namespace millrace::detail
