// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What every command shares: the broker it speaks to, how it prints, how it fails.
#pragma once

#include "millrace/admin.h"
#include "millrace/client.h"
#include "millrace/error.h"
#include "tools/millrace/exit_code.h"
#include "tools/millrace/failure.h"
#include "tools/millrace/output_format.h"

#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

struct Session {
    std::string server = "127.0.0.1:9192";
    OutputFormat output = OutputFormat::table;

    [[nodiscard]] bool scripted() const { return output != OutputFormat::table; }

    [[nodiscard]] Result<Client> connect() const;
    [[nodiscard]] Result<Admin> admin() const;
};

// Prints the error (one sentence, then what to try; or the JSON line that scripts read) on
// standard error and returns its exit code. `topic`: what the command was about, if anything.
ExitCode fail(const Session& session, const Error& error, std::string_view topic = {});

// The same for what failed without the broker.
ExitCode fail(const Session& session, const Failure& failure);

// The same for words that cannot be understood.
ExitCode fail_usage(const Session& session, std::string_view message);

// Writes a command's result to standard output.
ExitCode put_out(const Session& session, std::string_view text);

// Standard output takes no more: in silence when its reader has gone (EPIPE), else an error.
ExitCode fail_output(const Session& session, int error);

// "KEY=VALUE" in two; a usage error's text when there is no "=".
struct KeyValue {
    std::string key;
    std::string value;
};

[[nodiscard]] Result<std::vector<KeyValue>> parse_pairs(const std::vector<std::string>& texts,
                                                        std::string_view option);

}  // namespace millrace::cli
