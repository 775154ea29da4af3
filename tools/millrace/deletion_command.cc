// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/deletion_command.h"

#include "tools/millrace/json_document.h"
#include "tools/millrace/quantity.h"
#include "tools/millrace/standard_error.h"
#include "tools/millrace/table.h"

#include <fmt/format.h>

#include <unistd.h>

namespace millrace::cli {

namespace {

using Json = nlohmann::ordered_json;

Json row_json(const DeletionOutcome& outcome) {
    return {{"partition", outcome.partition.partition},
            {"start_offset", outcome.start_offset},
            {"segments_deleted", outcome.segments},
            {"bytes_deleted", outcome.bytes}};
}

std::string segments_text(std::uint64_t segments, std::uint64_t bytes) {
    return fmt::format("{} segment{} with {} deleted",
                       count_text(segments),
                       segments == 1 ? "" : "s",
                       size_text(bytes));
}

bool confirmed(const TopicTruncateOptions& options) {
    const auto below = options.before == kAllRecords ? std::string()
                                                     : fmt::format(" below {}", options.before);
    say(fmt::format("Delete the records of {} partition {}{}? [y/N] ",
                    options.topic,
                    options.partition,
                    below));
    char answer = 'n';
    if (read(STDIN_FILENO, &answer, 1) != 1) return false;
    return answer == 'y' || answer == 'Y';
}

// What was done, whatever failed.
std::string expiry_text(const std::string& topic, const std::vector<DeletionOutcome>& done) {
    std::uint64_t segments = 0;
    std::uint64_t bytes = 0;
    Table table({"PARTITION", "START", "SEGMENTS DELETED", "SIZE DELETED"});
    for (const auto& outcome : done) {
        segments += outcome.segments;
        bytes += outcome.bytes;
        table.add({std::to_string(outcome.partition.partition),
                   count_text(static_cast<std::uint64_t>(outcome.start_offset)),
                   count_text(outcome.segments),
                   size_text(outcome.bytes)});
    }
    return fmt::format("{}: {}\n\n", topic, segments_text(segments, bytes)) + table.text();
}

}  // namespace

ExitCode truncate_topic(const Session& session, const TopicTruncateOptions& options) {
    if (!options.yes && isatty(STDIN_FILENO) != 0 && !confirmed(options)) return ExitCode::failed;
    auto admin = session.admin();
    if (!admin) return fail(session, admin.error());
    const auto outcomes =
            admin->delete_records({{{options.topic, options.partition}, options.before}});
    if (!outcomes) return fail(session, outcomes.error(), options.topic);
    const auto& outcome = outcomes->front();
    if (outcome.error.code != ErrorCode::none) {
        return fail(session, outcome.error, options.topic);
    }
    if (session.scripted()) return put_out(session, json_text(session, row_json(outcome)));
    return put_out(session,
                   fmt::format("truncated {} partition {}: starts at {} now; {}\n",
                               options.topic,
                               options.partition,
                               outcome.start_offset,
                               segments_text(outcome.segments, outcome.bytes)));
}

ExitCode expire_topic(const Session& session, const std::string& topic) {
    auto admin = session.admin();
    if (!admin) return fail(session, admin.error());
    const auto outcomes = admin->expire_topic(topic);
    if (!outcomes) return fail(session, outcomes.error(), topic);
    std::vector<DeletionOutcome> done;
    auto code = ExitCode::ok;
    for (const auto& outcome : *outcomes) {
        if (outcome.error.code == ErrorCode::none) {
            done.push_back(outcome);
        } else {
            code = fail(session, outcome.error, topic);
        }
    }
    if (done.empty() && code != ExitCode::ok) return code;
    auto rows = Json::array();
    for (const auto& outcome : done)
        rows.push_back(row_json(outcome));
    const auto put = put_out(
            session, session.scripted() ? json_text(session, rows) : expiry_text(topic, done));
    return code == ExitCode::ok ? put : ExitCode::partly_done;
}

}  // namespace millrace::cli
