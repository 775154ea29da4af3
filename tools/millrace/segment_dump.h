// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace segment dump: the batches of segment files, or their records, without a broker.
#pragma once

#include "tools/millrace/record_format.h"
#include "tools/millrace/session.h"

#include <string>

namespace millrace::cli {

struct SegmentDumpOptions {
    std::string path;
    bool records = false;  // Else batches.
    RecordFormat format;   // Of records.
};

// What is not sound goes to standard error. Exit code `failed` when something was not.
ExitCode dump_segments(const Session& session, const SegmentDumpOptions& options);

}  // namespace millrace::cli
