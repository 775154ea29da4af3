// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace topic backup, millrace topic restore: beside the broker, as its user.
#pragma once

#include "tools/millrace/session.h"

#include <string>

namespace millrace::cli {

struct TopicBackupOptions {
    std::string topic;
    std::string directory;
};

struct TopicRestoreOptions {
    std::string directory;
    std::string as;  // Empty: the name it had.
};

ExitCode backup_topic(const Session& session, const TopicBackupOptions& options);
ExitCode restore_topic(const Session& session, const TopicRestoreOptions& options);

}  // namespace millrace::cli
