// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The words about records: sending, reading, measuring, and their files.
#pragma once

#include "tools/millrace/tree_parts.h"

namespace millrace::cli {

void add_produce(CLI::App& root, Invocation& invocation);
void add_consume(CLI::App& root, Invocation& invocation);
void add_bench(CLI::App& root, Invocation& invocation);
void add_segment(CLI::App& root, Invocation& invocation);

}  // namespace millrace::cli
