// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Admin::delete_records: names to ids, over as many requests as the broker's limits need.
#pragma once

#include "core/client_core.h"
#include "millrace/admin.h"

#include <vector>

namespace millrace::detail {

// One outcome for each, in order.
Result<std::vector<DeletionOutcome>> delete_records(ClientCore& client,
                                                    const std::vector<RecordDeletion>& deletions);

}  // namespace millrace::detail
