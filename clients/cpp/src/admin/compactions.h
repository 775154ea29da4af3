// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Admin::compact_topic: asks for every partition, and again until all are finished.
#pragma once

#include "core/client_core.h"
#include "millrace/admin.h"

#include <string>
#include <vector>

namespace millrace::detail {

// One outcome for each partition, in order.
Result<std::vector<CompactionOutcome>> compact_topic(ClientCore& client,
                                                     const std::string& name,
                                                     bool wait);

}  // namespace millrace::detail
