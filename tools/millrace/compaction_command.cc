// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/compaction_command.h"

#include "tools/millrace/json_document.h"
#include "tools/millrace/quantity.h"
#include "tools/millrace/table.h"

#include <fmt/format.h>

namespace millrace::cli {

namespace {

using Json = nlohmann::ordered_json;

Json row_json(const CompactionOutcome& outcome) {
    return {{"partition", outcome.partition.partition},
            {"finished", outcome.finished},
            {"segments_before", outcome.segments_before},
            {"segments_after", outcome.segments_after},
            {"records_before", outcome.records_before},
            {"records_after", outcome.records_after},
            {"bytes_before", outcome.bytes_before},
            {"bytes_after", outcome.bytes_after}};
}

std::string from_to(std::string_view before, std::string_view after) {
    return fmt::format("{} -> {}", before, after);
}

std::string compaction_text(const std::string& topic, const std::vector<CompactionOutcome>& done) {
    std::uint64_t records_before = 0;
    std::uint64_t records_after = 0;
    bool finished = true;
    Table table({"PARTITION", "SEGMENTS", "RECORDS", "SIZE"});
    for (const auto& outcome : done) {
        finished = finished && outcome.finished;
        records_before += outcome.records_before;
        records_after += outcome.records_after;
        table.add({std::to_string(outcome.partition.partition),
                   from_to(count_text(outcome.segments_before), count_text(outcome.segments_after)),
                   from_to(count_text(outcome.records_before), count_text(outcome.records_after)),
                   from_to(size_text(outcome.bytes_before), size_text(outcome.bytes_after))});
    }
    if (!finished) {
        return fmt::format("{}: compaction has begun; with --wait this says what it did\n", topic);
    }
    return fmt::format("{}: {} of {} records left in the compacted segments\n\n",
                       topic,
                       count_text(records_after),
                       count_text(records_before)) +
           table.text();
}

}  // namespace

ExitCode compact_topic(const Session& session, const TopicCompactOptions& options) {
    auto admin = session.admin();
    if (!admin) return fail(session, admin.error());
    const auto outcomes = admin->compact_topic(options.topic, options.wait);
    if (!outcomes) return fail(session, outcomes.error(), options.topic);
    std::vector<CompactionOutcome> done;
    auto code = ExitCode::ok;
    for (const auto& outcome : *outcomes) {
        if (outcome.error.code == ErrorCode::none) {
            done.push_back(outcome);
        } else {
            code = fail(session, outcome.error, options.topic);
        }
    }
    if (done.empty() && code != ExitCode::ok) return code;
    auto rows = Json::array();
    for (const auto& outcome : done)
        rows.push_back(row_json(outcome));
    const auto put = put_out(
            session,
            session.scripted() ? json_text(session, rows) : compaction_text(options.topic, done));
    return code == ExitCode::ok ? put : ExitCode::partly_done;
}

}  // namespace millrace::cli
