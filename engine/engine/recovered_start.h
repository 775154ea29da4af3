// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What a log start does to a log that is being recovered.
//
// Where all that the checkpoint names lies below it, the run that moved it may have stored more
// there and removed all of it: nothing below the start is of use, and the log goes on behind. It
// does so, too, where records below the start are missing: a run was told to delete what it then
// lost, or records went with WAL that an operator has given up.
#pragma once

#include "engine/log/recovered_log.h"

namespace millrace::engine {

// One above what is known of the log.
[[nodiscard]] Offset end_of(const RecoveredLog& log) noexcept;

// Everything below `end` counts as stored, and the log goes on there: WAL entries with nothing but
// such records are released. Segments stay, to be removed.
// Requires: no record at or above the log start lies below `end`.
void skip_to(RecoveredLog& log, Offset end) noexcept;

// Skips what the log start has deleted, if it lies behind all that the checkpoint names.
void drop_deleted(RecoveredLog& log) noexcept;

}  // namespace millrace::engine
