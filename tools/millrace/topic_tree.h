// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The words about topics, settings and the cluster.
#pragma once

#include "tools/millrace/tree_parts.h"

namespace millrace::cli {

void add_topic(CLI::App& root, Invocation& invocation);
void add_cluster(CLI::App& root, Invocation& invocation);
void add_config(CLI::App& root, Invocation& invocation);

}  // namespace millrace::cli
