// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace completion bash | zsh | fish: scripts that ask millrace itself what may come next.
#pragma once

#include "tools/millrace/choices.h"
#include "tools/millrace/session.h"

#include <cstdint>

namespace millrace::cli {

enum class Shell : std::uint8_t { bash, zsh, fish };

inline const Choices<Shell> kShells = {
        {"bash", Shell::bash}, {"zsh", Shell::zsh}, {"fish", Shell::fish}};

ExitCode print_completion(const Session& session, const Shell& shell);

}  // namespace millrace::cli
