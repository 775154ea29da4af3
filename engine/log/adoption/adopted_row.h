// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Whether a log can be made of a partition's row that comes from outside.
#pragma once

#include "engine/format/checkpoint.h"

#include <string>

namespace millrace::engine {

// Empty: it can. Else why not.
[[nodiscard]] std::string fault_of_row(const PartitionRow& row);

}  // namespace millrace::engine
