// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace __manual [PAGE]: what the build asks for the manual; without a page, their names.
#pragma once

#include "tools/millrace/command_outline.h"
#include "tools/millrace/session.h"

#include <span>
#include <string>

namespace millrace::cli {

inline constexpr const char* kManualWord = "__manual";

// `words`: what follows kManualWord.
ExitCode print_manual(const Session& session,
                      const CommandOutline& root,
                      std::span<const std::string> words);

}  // namespace millrace::cli
