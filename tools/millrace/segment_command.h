// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace segment verify, index: whether segment files are sound, without a broker.
#pragma once

#include "tools/millrace/session.h"
#include "tools/segment/stored_segments.h"

#include <expected>
#include <string>

namespace millrace::cli {

// What a segment command is about. The error has been told; it is the exit code.
[[nodiscard]] std::expected<segment::StoredSegments, ExitCode> segments_of(const Session& session,
                                                                           const std::string& path);

// Reads and checks everything. Exit code `failed` when something is damaged.
ExitCode verify_segments(const Session& session, const std::string& path);

// The entries of both indexes, compared with the log. Exit code as verify_segments().
ExitCode show_indexes(const Session& session, const std::string& path);

}  // namespace millrace::cli
