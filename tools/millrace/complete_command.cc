// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/complete_command.h"

#include "tools/millrace/completion.h"
#include "tools/millrace/session_choice.h"
#include "tools/millrace/standard_output.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <thread>

namespace millrace::cli {

namespace {

constexpr std::chrono::milliseconds kLimit{1'000};

std::optional<std::string> given_value(const Completion& completion, std::string_view name) {
    const auto found = completion.given.find(name);
    return found == completion.given.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Candidate> topics_of(const std::string& server) {
    ClientOptions options;
    options.addresses = server;
    options.name = "millrace";
    options.connect_timeout = kLimit;
    options.request_timeout = kLimit;
    std::vector<Candidate> names;
    const auto client = Client::connect(options);
    if (!client) return names;
    auto admin = Admin::open(*client);
    if (!admin) return names;
    const auto topics = admin->list_topics();
    if (!topics) return names;
    for (const auto& topic : *topics) {
        const auto count = topic.partitions.size();
        names.push_back({topic.name, fmt::format("{} partition{}", count, count == 1 ? "" : "s")});
    }
    return names;
}

// Nothing when the time is over before the answer came.
std::optional<std::vector<Candidate>> topics_in_time(const Completion& completion) {
    const auto session = choose_session({.server = given_value(completion, "--server"),
                                         .context = given_value(completion, "--context"),
                                         .output = {}},
                                        SessionEnvironment::of_process(),
                                        ContextStore::of_user());
    if (!session) return std::vector<Candidate>();
    // The look-up of a name cannot be cut short, so the thread is left behind when it takes long.
    // Shared: whoever comes last lets go of it.
    auto answer = std::make_shared<std::promise<std::vector<Candidate>>>();
    auto topics = answer->get_future();
    std::thread([answer, server = session->server] {
        answer->set_value(topics_of(server));
    }).detach();
    if (topics.wait_for(kLimit) != std::future_status::ready) return std::nullopt;
    return topics.get();
}

std::vector<Candidate> context_names() {
    std::vector<Candidate> names;
    const auto contexts = ContextStore::of_user().read();
    if (!contexts) return names;
    for (const auto& context : contexts->all)
        names.push_back({context.name, context.server});
    return names;
}

std::string lines_of(const Completion& completion) {
    std::string lines;
    for (const auto& [word, help] : completion.candidates)
        lines += fmt::format("{}\t{}\n", word, help);
    if (completion.kind == ValueKind::file) lines += ":files\n";
    return lines;
}

}  // namespace

ExitCode complete_line(const CommandOutline& root, std::span<const std::string> words) {
    if (!words.empty() && words.front() == "--") words = words.subspan(1);
    auto completion = complete(root, words);
    if (completion.kind == ValueKind::context) add_names(completion, context_names());
    bool left_behind = false;
    if (completion.kind == ValueKind::topic) {
        const auto topics = topics_in_time(completion);
        left_behind = !topics;
        if (topics) add_names(completion, *topics);
    }
    // A reader that has gone needs no answer.
    static_cast<void>(write_out(lines_of(completion)));
    if (left_behind) std::_Exit(0);  // Destructors would wait for the thread's look-up.
    return ExitCode::ok;
}

}  // namespace millrace::cli
