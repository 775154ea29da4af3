// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// How settings are written, for a person to read and to write again.
#pragma once

#include "broker/config/config_keys.h"

#include <string>

namespace millrace::broker {

// As a value is written: "2", "64MiB", "true".
[[nodiscard]] std::string format_value(const ConfigKey& key, const KeyValue& value);

// What a value must look like, to end "must be ...": "a size with a unit (B, KiB, ...), at least
// 1MiB".
[[nodiscard]] std::string describe_type(const ConfigKey& key);

}  // namespace millrace::broker
