// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace cluster info
#pragma once

#include "tools/millrace/session.h"

namespace millrace::cli {

ExitCode show_cluster(const Session& session);

}  // namespace millrace::cli
