// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The single map from the engine's errors to codes on the wire, and the sentences that need more
// than a code.
#pragma once

#include "broker/protocol/refusal.h"
#include "engine/log.h"
#include "engine/result.h"
#include "schemas/wire/errors.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::broker {

[[nodiscard]] wire::ErrorCode to_wire(const engine::Error& error) noexcept;

// Names the command that would make the topic.
[[nodiscard]] std::string unknown_topic_message(std::string_view name);
[[nodiscard]] std::string unknown_partition_message(std::string_view topic,
                                                    std::uint32_t partition,
                                                    std::uint32_t partitions);
// Names the limit, its key and the topic.
[[nodiscard]] std::string message_too_large_message(std::string_view topic,
                                                    std::uint32_t batch_bytes,
                                                    std::uint32_t limit);
// Names record, timestamp and bound, and the setting that says it.
[[nodiscard]] std::string invalid_timestamp_message(std::string_view topic,
                                                    std::uint32_t partition,
                                                    const engine::TimestampFault& fault);
// Names where the partition ends.
[[nodiscard]] std::string unexpected_offset_message(std::string_view topic,
                                                    std::uint32_t partition,
                                                    std::int64_t end,
                                                    std::int64_t expected);
// Which record, counted from 0 through all batches of the partition in the request.
[[nodiscard]] std::string missing_key_message(std::string_view topic, std::int32_t record);
[[nodiscard]] std::string opened_too_large_message(std::string_view topic);
// Each batch is small enough, all of them are not.
[[nodiscard]] std::string append_too_large_message(std::string_view topic, std::uint64_t limit);

}  // namespace millrace::broker
