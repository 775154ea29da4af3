// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace context add | use | list | show | delete
#pragma once

#include "tools/millrace/session_choice.h"

#include <string>

namespace millrace::cli {

// `given`: the server and the output that the context is to have.
ExitCode add_context(const Session& session, const std::string& name, const CommonOptions& given);
ExitCode use_context(const Session& session, const std::string& name);
ExitCode list_contexts(const Session& session);

// Without a name, the one that a command would take now.
ExitCode show_context(const Session& session, const std::string& name, const CommonOptions& given);
ExitCode delete_context(const Session& session, const std::string& name);

}  // namespace millrace::cli
