// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A record as the caller gives it, as parts of a batch. Everything borrows from the record.
#pragma once

#include "engine/format/batch_builder.h"
#include "millrace/record.h"

#include <vector>

namespace millrace::detail {

[[nodiscard]] std::vector<engine::HeaderView> headers_of(const Record& record);

// A record without a time has that of this moment. Borrows from the headers, too.
[[nodiscard]] engine::RecordParts parts_of(const Record& record,
                                           const std::vector<engine::HeaderView>& headers);

}  // namespace millrace::detail
