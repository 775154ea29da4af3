// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

namespace millrace::broker {

// Makes `file` hold `content`: whoever looks sees all of it or what was there before. `durable`:
// on stable storage with its name when this returns. Returns 0 or errno.
[[nodiscard]] int replace_file(const std::filesystem::path& file,
                               std::string_view content,
                               bool durable);

}  // namespace millrace::broker
