// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// How results are printed, by name.
#pragma once

#include "tools/millrace/choices.h"

#include <cstdint>

namespace millrace::cli {

enum class OutputFormat : std::uint8_t { table, json, jsonl };

inline const Choices<OutputFormat> kOutputFormats = {{"table", OutputFormat::table},
                                                     {"json", OutputFormat::json},
                                                     {"jsonl", OutputFormat::jsonl}};

}  // namespace millrace::cli
