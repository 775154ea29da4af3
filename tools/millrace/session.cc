// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/session.h"

#include "tools/millrace/json_text.h"
#include "tools/millrace/standard_error.h"
#include "tools/millrace/standard_output.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace millrace::cli {

namespace {

std::string advice(const Session& session, ErrorCode code, std::string_view topic) {
    switch (code) {
        case ErrorCode::unknown_topic:
            return topic.empty() ? "" : fmt::format("Create it: millrace topic create {}", topic);
        case ErrorCode::unreachable:
            return fmt::format(
                    "Is millraced running at {}? Another one: -s HOST:PORT or --context NAME.",
                    session.server);
        case ErrorCode::offset_out_of_range:
            return topic.empty() ? ""
                                 : fmt::format("See the range: millrace topic offsets {}", topic);
        default:
            return "";
    }
}

void print_error(const Session& session,
                 std::string_view name,
                 std::string_view message,
                 std::string_view hint,
                 bool retryable) {
    if (session.scripted()) {
        std::string line = "{\"error\":{\"name\":";
        append_json_bytes(line, name);
        line += ",\"message\":";
        append_json_bytes(
                line, hint.empty() ? std::string(message) : fmt::format("{} {}", message, hint));
        line += retryable ? ",\"retryable\":true}}" : ",\"retryable\":false}}";
        say(line + "\n");
        return;
    }
    say(fmt::format("millrace: {}\n{}{}", message, hint, hint.empty() ? "" : "\n"));
}

}  // namespace

Result<Client> Session::connect() const {
    ClientOptions options;
    options.addresses = server;
    options.name = "millrace";
    return Client::connect(options);
}

Result<Admin> Session::admin() const {
    auto client = connect();
    if (!client) return client.error();
    return Admin::open(*client);
}

ExitCode fail(const Session& session, const Error& error, std::string_view topic) {
    const auto message =
            error.message.empty() ? std::string(sentence_of(error.code)) : error.message;
    auto hint = advice(session, error.code, topic);
    if (message.find("millrace topic create") != std::string::npos) hint.clear();
    print_error(session, name_of(error.code), message, hint, is_retryable(error.code));
    return exit_code_of(error.code);
}

ExitCode fail(const Session& session, const Failure& failure) {
    print_error(session, failure.name, failure.message, failure.hint, false);
    return failure.code;
}

ExitCode fail_usage(const Session& session, std::string_view message) {
    print_error(session, "usage", message, "", false);
    return ExitCode::usage;
}

ExitCode put_out(const Session& session, std::string_view text) {
    const int error = write_out(text);
    return error == 0 ? ExitCode::ok : fail_output(session, error);
}

ExitCode fail_output(const Session& session, int error) {
    if (error == EPIPE) return ExitCode::ok;
    print_error(session,
                "output_failed",
                fmt::format("Writing to standard output failed: {}.",
                            std::generic_category().message(error)),
                "",
                false);
    return ExitCode::failed;
}

Result<std::vector<KeyValue>> parse_pairs(const std::vector<std::string>& texts,
                                          std::string_view option) {
    std::vector<KeyValue> pairs;
    for (const auto& text : texts) {
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0) {
            return Error{ErrorCode::invalid_argument,
                         fmt::format("{} takes KEY=VALUE, not '{}'.", option, text)};
        }
        pairs.push_back({text.substr(0, equals), text.substr(equals + 1)});
    }
    return pairs;
}

}  // namespace millrace::cli
