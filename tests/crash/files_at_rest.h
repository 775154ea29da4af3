// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The files that a clean stop leaves: every record lies in a segment, and the index of a segment
// that is sealed tells other readers of Kafka's format the truth.
#pragma once

#include "tests/crash/crash_model.h"
#include "tests/support/sim_disk.h"

#include <string>
#include <vector>

namespace millrace::testing {

// Files that belong to no record of the log are not looked at.
void check_files_at_rest(const SimDisk& disk, const ModelLog& log, std::vector<std::string>& wrong);

}  // namespace millrace::testing
