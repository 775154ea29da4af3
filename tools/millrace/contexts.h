// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The user's contexts: brokers by name, and their file's text.
//
//     format = 1
//     in_use = "local"
//
//     [contexts.local]
//     server = "127.0.0.1:9192"
//     output = "table"
#pragma once

#include "tools/millrace/output_format.h"

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

struct NamedContext {
    std::string name;
    std::string server;
    OutputFormat output = OutputFormat::table;
};

struct Contexts {
    std::vector<NamedContext> all;  // Sorted by name.
    std::string in_use;             // A name of those; empty: none.

    [[nodiscard]] const NamedContext* find(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> names() const;
    void add(NamedContext context);  // Requires: none of this name.
    void remove(std::string_view name);
};

// Letters, digits, "-", "_" and "."; 1 to 64 of them, the first one no "-".
[[nodiscard]] bool is_context_name(std::string_view name);

// Text that a line of the file can hold: UTF-8 without control characters, and not empty.
[[nodiscard]] bool is_context_server(std::string_view server);

// Strict: an unknown key is an error. The error is a sentence that begins with FILE:LINE:COLUMN.
[[nodiscard]] std::expected<Contexts, std::string> parse_contexts(std::string_view text,
                                                                  const std::string& file);

// What parse_contexts() reads back. Requires: names and servers as above.
[[nodiscard]] std::string contexts_text(const Contexts& contexts);

}  // namespace millrace::cli
