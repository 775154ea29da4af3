// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/context_command.h"

#include "tools/millrace/standard_error.h"
#include "tools/millrace/table.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace millrace::cli {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const NamedContext& context, const Contexts& contexts) {
    return {{"name", context.name},
            {"server", context.server},
            {"output", name_of(kOutputFormats, context.output)},
            {"in_use", context.name == contexts.in_use}};
}

// One context: its object for scripts, else the line.
ExitCode put_one(const Session& session, const Json& object, const std::string& line) {
    if (!session.scripted()) return put_out(session, line);
    return put_out(session, object.dump(session.output == OutputFormat::json ? 2 : -1) + "\n");
}

// Changes the context of this name and prints it as it is then.
ExitCode change(const Session& session,
                const std::string& name,
                const std::string& done,
                const std::function<std::optional<Failure>(Contexts&)>& change) {
    Json object;
    const auto failure = ContextStore::of_user().change([&](Contexts& contexts) {
        auto refused = change(contexts);
        const auto* context = contexts.find(name);
        if (!refused && context != nullptr) object = json_of(*context, contexts);
        return refused;
    });
    return failure ? fail(session, *failure) : put_one(session, object, done);
}

Failure no_context_in_use(const Contexts& contexts) {
    if (contexts.all.empty()) {
        return {ExitCode::not_found,
                "unknown_context",
                "There are no contexts.",
                "Add one: millrace context add NAME --server HOST:PORT"};
    }
    return {ExitCode::not_found,
            "unknown_context",
            fmt::format("No context is in use; there are: {}.", fmt::join(contexts.names(), ", ")),
            "Choose one: millrace context use NAME"};
}

}  // namespace

ExitCode add_context(const Session& session, const std::string& name, const CommonOptions& given) {
    if (!is_context_name(name)) {
        return fail_usage(session,
                          fmt::format("'{}' cannot be a context's name: it has letters, digits, "
                                      "-, _ and . only, at most 64, and begins with no -.",
                                      name));
    }
    if (!given.server) {
        return fail_usage(
                session,
                fmt::format("Whose context? Say: millrace context add {} --server HOST:PORT",
                            name));
    }
    if (!is_context_server(*given.server)) {
        return fail_usage(session, "--server takes HOST:PORT or unix:PATH, without line breaks.");
    }
    const NamedContext context{name, *given.server, given.output.value_or(OutputFormat::table)};
    return change(session,
                  name,
                  fmt::format("added {}: {}\n", name, context.server),
                  [&context](Contexts& contexts) -> std::optional<Failure> {
                      if (const auto* there = contexts.find(context.name)) {
                          return Failure{ExitCode::exists,
                                         "context_exists",
                                         fmt::format("There is a context {} already: {}.",
                                                     there->name,
                                                     there->server),
                                         fmt::format("To replace it: millrace context delete {}",
                                                     there->name)};
                      }
                      contexts.add(context);
                      return std::nullopt;
                  });
}

ExitCode use_context(const Session& session, const std::string& name) {
    const auto code = change(session,
                             name,
                             fmt::format("using {}\n", name),
                             [&name](Contexts& contexts) -> std::optional<Failure> {
                                 if (contexts.find(name) == nullptr)
                                     return unknown_context(contexts, name);
                                 contexts.in_use = name;
                                 return std::nullopt;
                             });
    const auto environment = SessionEnvironment::of_process();
    const bool outdone = !environment.server.empty() || !environment.context.empty();
    const char* variable = environment.server.empty() ? kContextVariable : kServerVariable;
    if (code == ExitCode::ok && outdone && !session.scripted())
        say(fmt::format("{} is set, and stands above the context in use.\n", variable));
    return code;
}

ExitCode list_contexts(const Session& session) {
    const auto contexts = ContextStore::of_user().read();
    if (!contexts) return fail(session, contexts.error());
    if (!session.scripted()) {
        Table table({"NAME", "SERVER", "OUTPUT", "IN USE"});
        for (const auto& context : contexts->all) {
            table.add({context.name,
                       context.server,
                       name_of(kOutputFormats, context.output),
                       context.name == contexts->in_use ? "yes" : ""});
        }
        return put_out(session, table.text());
    }
    auto array = Json::array();
    std::string lines;
    for (const auto& context : contexts->all) {
        array.push_back(json_of(context, *contexts));
        lines += array.back().dump() + "\n";
    }
    return put_out(session, session.output == OutputFormat::json ? array.dump(2) + "\n" : lines);
}

ExitCode show_context(const Session& session, const std::string& name, const CommonOptions& given) {
    const auto contexts = ContextStore::of_user().read();
    if (!contexts) return fail(session, contexts.error());
    auto wanted = name.empty() ? given.context.value_or("") : name;
    if (wanted.empty()) wanted = SessionEnvironment::of_process().context;
    if (wanted.empty()) wanted = contexts->in_use;
    if (wanted.empty()) return fail(session, no_context_in_use(*contexts));
    const auto* context = contexts->find(wanted);
    if (context == nullptr) return fail(session, unknown_context(*contexts, wanted));
    return put_one(session,
                   json_of(*context, *contexts),
                   fmt::format("{}{}\n  server  {}\n  output  {}\n",
                               context->name,
                               context->name == contexts->in_use ? " (in use)" : "",
                               context->server,
                               name_of(kOutputFormats, context->output)));
}

ExitCode delete_context(const Session& session, const std::string& name) {
    Json deleted{{"name", name}};
    bool was_in_use = false;
    const auto failure =
            ContextStore::of_user().change([&](Contexts& contexts) -> std::optional<Failure> {
                if (contexts.find(name) == nullptr) return unknown_context(contexts, name);
                was_in_use = contexts.in_use == name;
                contexts.remove(name);
                return std::nullopt;
            });
    if (failure) return fail(session, *failure);
    return put_one(
            session,
            deleted,
            fmt::format(
                    "deleted {}{}\n", name, was_in_use ? ", which was in use; none is now" : ""));
}

}  // namespace millrace::cli
