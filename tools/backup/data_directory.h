// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Whether a broker's data directory is at hand.
#pragma once

#include "tools/backup/files.h"

#include <filesystem>
#include <string_view>

namespace millrace::backup {

// `cluster_id`: as the broker tells it; the directory's must be the same. Errors: a sentence.
[[nodiscard]] Outcome<void> find_data(const std::filesystem::path& data,
                                      std::string_view cluster_id);

}  // namespace millrace::backup
