// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/types.h"

#include <string>

namespace millrace::engine {

// "0f8fad5b-d9cb-469f-a165-70867728950e/3": topic id and partition, for events.
[[nodiscard]] std::string partition_text(const PartitionKey& key);

}  // namespace millrace::engine
