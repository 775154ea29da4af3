// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/manual_command.h"

#include "millrace/version.h"
#include "tools/millrace/manual_page.h"

#include <fmt/format.h>

namespace millrace::cli {

ExitCode print_manual(const Session& session,
                      const CommandOutline& root,
                      std::span<const std::string> words) {
    const auto pages = manual_pages(root);
    if (words.empty()) return put_out(session, fmt::format("{}\n", fmt::join(pages, "\n")));
    const auto page = manual_page(root, words.front(), version());
    if (page) return put_out(session, *page);
    return fail_usage(session,
                      fmt::format("The manual has no page {}; there are: {}.",
                                  words.front(),
                                  fmt::join(pages, ", ")));
}

}  // namespace millrace::cli
