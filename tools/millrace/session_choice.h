// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Which broker a command speaks to and how it prints, out of the line, the environment and the
// user's contexts. The server, first of these:
//
//     --server, --context, MILLRACE_SERVER, MILLRACE_CONTEXT, the context in use, the default
//
// A context that somebody named says how to print even when the server is named apart; the one
// in use counts only when nobody named a server.
#pragma once

#include "tools/millrace/context_store.h"
#include "tools/millrace/failure.h"
#include "tools/millrace/session.h"

#include <expected>
#include <optional>
#include <string>

namespace millrace::cli {

inline constexpr const char* kServerVariable = "MILLRACE_SERVER";
inline constexpr const char* kContextVariable = "MILLRACE_CONTEXT";

// The options of every command; what the line leaves open is empty.
struct CommonOptions {
    std::optional<std::string> server;
    std::optional<std::string> context;
    std::optional<OutputFormat> output;
};

// What the variables hold; not set, or set to nothing, is empty.
struct SessionEnvironment {
    std::string server;
    std::string context;

    static SessionEnvironment of_process();
};

// Reads the contexts only when one of them may count.
[[nodiscard]] std::expected<Session, Failure> choose_session(const CommonOptions& given,
                                                             const SessionEnvironment& environment,
                                                             const ContextStore& store);

// The failure of a name that is none, with those that are.
[[nodiscard]] Failure unknown_context(const Contexts& contexts, std::string_view name);

}  // namespace millrace::cli
