// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The probes beside programs that others trust: a slow probe would flatter every row.
#pragma once

#include "tests/bench/raw/probe.h"

#include <string>

namespace millrace::bench {

// A Markdown table: raw_write, raw_read and raw_sync beside fio, raw_tcp beside iperf3.
std::string probes_beside_outside_tools(const ProbeOptions& options);

}  // namespace millrace::bench
