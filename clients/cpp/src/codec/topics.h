// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// create_topics, restore_topic, delete_topics, create_partitions.
#pragma once

#include "codec/messages.h"
#include "millrace/result.h"
#include "net/call.h"

#include <chrono>
#include <span>
#include <string>
#include <vector>

namespace millrace::detail {

EncodedRequest encode_create_topics(std::span<const NewTopic> topics,
                                    bool validate_only,
                                    std::chrono::milliseconds timeout);
EncodedRequest encode_restore_topic(const NewTopic& topic,
                                    const std::string& staged,
                                    std::chrono::milliseconds timeout);
EncodedRequest encode_delete_topics(std::span<const std::string> names,
                                    std::chrono::milliseconds timeout);
EncodedRequest encode_create_partitions(std::span<const NewTopic> topics,
                                        std::chrono::milliseconds timeout);

// `names` of the request, whose order the rows have. Errors: protocol_violation, the broker's.
Result<std::vector<TopicOutcome>> decode_create_topics(const Response& response,
                                                       std::span<const std::string> names);
Result<std::vector<TopicOutcome>> decode_restore_topic(const Response& response,
                                                       std::span<const std::string> names);
Result<std::vector<TopicOutcome>> decode_delete_topics(const Response& response,
                                                       std::span<const std::string> names);
Result<std::vector<TopicOutcome>> decode_create_partitions(const Response& response,
                                                           std::span<const std::string> names);

}  // namespace millrace::detail
