// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/types.h"
#include "schemas/wire/errors.h"

#include <string>

namespace millrace::broker {

class CatalogView;

// The sentence for an error of one partition. It names the topic where the catalogue knows it.
[[nodiscard]] std::string partition_error_message(const CatalogView& catalog,
                                                  const engine::PartitionKey& key,
                                                  wire::ErrorCode code);

}  // namespace millrace::broker
