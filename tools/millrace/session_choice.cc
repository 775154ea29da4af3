// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/session_choice.h"

#include <fmt/format.h>

#include <cstdlib>

namespace millrace::cli {

namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

// The context that counts, if one does.
std::expected<std::optional<NamedContext>, Failure> chosen_context(
        const CommonOptions& given,
        const SessionEnvironment& environment,
        const ContextStore& store) {
    const bool named = given.context || !environment.context.empty();
    const bool server_named = given.server || !environment.server.empty();
    if (!named && server_named) return std::nullopt;
    const auto contexts = store.read();
    if (!contexts) return std::unexpected(contexts.error());
    const auto& name =
            given.context ? *given.context : (named ? environment.context : contexts->in_use);
    if (!named && name.empty()) return std::nullopt;
    const auto* context = contexts->find(name);
    if (context != nullptr) return *context;
    auto failure = unknown_context(*contexts, name);
    if (!given.context) failure.message += fmt::format(" {} names it.", kContextVariable);
    return std::unexpected(std::move(failure));
}

}  // namespace

SessionEnvironment SessionEnvironment::of_process() {
    return {.server = variable(kServerVariable), .context = variable(kContextVariable)};
}

std::expected<Session, Failure> choose_session(const CommonOptions& given,
                                               const SessionEnvironment& environment,
                                               const ContextStore& store) {
    const auto context = chosen_context(given, environment, store);
    if (!context) return std::unexpected(context.error());
    Session session;
    if (given.server) {
        session.server = *given.server;
    } else if (!given.context && !environment.server.empty()) {
        session.server = environment.server;
    } else if (*context) {
        session.server = (*context)->server;
    }
    if (*context) session.output = (*context)->output;
    if (given.output) session.output = *given.output;
    return session;
}

Failure unknown_context(const Contexts& contexts, std::string_view name) {
    if (contexts.all.empty()) {
        return {ExitCode::not_found,
                "unknown_context",
                fmt::format("There is no context '{}', nor any other.", name),
                "Add one: millrace context add NAME --server HOST:PORT"};
    }
    return {ExitCode::not_found,
            "unknown_context",
            fmt::format("There is no context '{}'; there are: {}.",
                        name,
                        fmt::join(contexts.names(), ", ")),
            ""};
}

}  // namespace millrace::cli
