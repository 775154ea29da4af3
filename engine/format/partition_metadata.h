// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// partition.metadata: which topic a partition's folder belongs to, in Kafka's text form.
#pragma once

#include "engine/types.h"

#include <optional>
#include <string>
#include <string_view>

namespace millrace::engine {

// "version: 0\ntopic_id: <22 characters of base64url>", without a final newline.
[[nodiscard]] std::string encode_partition_metadata(const TopicId& id);

// Untrusted text; a final newline is allowed. None when it is anything else.
[[nodiscard]] std::optional<TopicId> decode_partition_metadata(std::string_view text) noexcept;

}  // namespace millrace::engine
