// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace millrace::broker {

// Of the broker, as it tells its clients.
inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace millrace::broker
