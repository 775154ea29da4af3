// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// leader-epoch-checkpoint: where each leader epoch of a partition begins, in Kafka's text form.
#pragma once

#include "engine/format/checkpoint.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::engine {

// Version line "0", count line, then "<epoch> <start offset>" lines.
[[nodiscard]] std::string encode_leader_epochs(std::span<const EpochRow> epochs);

// Untrusted text. None when a line is wrong or the entries do not ascend.
[[nodiscard]] std::optional<std::vector<EpochRow>> decode_leader_epochs(std::string_view text);

}  // namespace millrace::engine
