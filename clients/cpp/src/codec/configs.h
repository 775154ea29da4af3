// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// describe_configs and alter_configs.
#pragma once

#include "codec/messages.h"
#include "millrace/result.h"
#include "net/call.h"

#include <span>
#include <string>
#include <vector>

namespace millrace::detail {

// No name of a topic: what holds for one that sets nothing. No keys: all.
EncodedRequest encode_describe_configs(ConfigOf whose,
                                       const std::string& topic,
                                       std::span<const std::string> keys);

// Errors: protocol_violation, the broker's, those of the resource among them.
Result<std::vector<ConfigEntry>> decode_describe_configs(const Response& response);

EncodedRequest encode_alter_configs(const std::string& topic,
                                    std::span<const ConfigChange> changes,
                                    bool validate_only);
Result<void> decode_alter_configs(const Response& response);

}  // namespace millrace::detail
