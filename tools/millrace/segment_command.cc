// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/segment_command.h"

#include "tools/millrace/interrupt.h"
#include "tools/millrace/json_rows.h"
#include "tools/millrace/quantity.h"
#include "tools/millrace/standard_error.h"
#include "tools/millrace/standard_output.h"
#include "tools/segment/index_check.h"
#include "tools/segment/segment_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

namespace millrace::cli {

namespace {

using Json = nlohmann::ordered_json;
using segment::Damage;
using segment::StoredSegment;
using segment::StoredSegments;

Json damage_json(const Damage& damage) {
    return {{"file", damage.file.string()},
            {"first_offset", damage.first.value},
            {"last_offset", damage.last ? Json(damage.last->value) : Json(nullptr)},
            {"reason", damage.reason}};
}

std::string offsets_text(const Damage& damage) {
    if (!damage.last) return fmt::format("offset {} and what follows", damage.first.value);
    if (*damage.last == damage.first) return fmt::format("offset {}", damage.first.value);
    return fmt::format("offsets {} to {}", damage.first.value, damage.last->value);
}

std::string damage_text(const Damage& damage) {
    return fmt::format("{}\n  {}: {}; sound up to byte {}\n",
                       damage.file.string(),
                       offsets_text(damage),
                       damage.reason,
                       damage.position);
}

Damage damage_of(const segment::LostPartition& lost) {
    Uuid id;
    id.bytes = lost.key.topic.bytes;
    return {.file = fmt::format("{}-{}", id.to_string(), lost.key.partition),
            .first = lost.first,
            .last = lost.end - 1,
            .reason =
                    "no folder holds this partition (topic id and number): it is lost, unless its "
                    "topic was deleted just before the broker ended"};
}

// Of all segments together.
struct Verified {
    std::uint64_t files = 0;
    segment::SegmentCheck sum;
};

Verified verify(const StoredSegments& found) {
    Verified all;
    for (const auto& each : found.segments) {
        if (interrupted()) break;
        auto check = segment::check_segment(each);
        ++all.files;
        all.sum.batches += check.batches;
        all.sum.records += check.records;
        all.sum.bytes += check.bytes;
        std::ranges::move(check.damaged, std::back_inserter(all.sum.damaged));
    }
    for (const auto& lost : found.lost)
        all.sum.damaged.push_back(damage_of(lost));
    return all;
}

std::string verified_text(const StoredSegments& found, const Verified& all) {
    std::string text;
    for (const auto& damage : all.sum.damaged)
        text += damage_text(damage);
    if (!found.unnamed.empty()) {
        text += fmt::format("passed over: {} files that the checkpoint does not name\n",
                            count_text(found.unnamed.size()));
    }
    if (found.unclean) {
        text += "not stopped cleanly: the write-ahead log, which is not looked at, has more "
                "records\n";
    }
    const auto verdict = all.sum.damaged.empty() ? std::string("sound")
                                                 : count_text(all.sum.damaged.size()) + " damaged";
    return text + fmt::format("files {}   batches {}   records {}   size {}   {}\n",
                              count_text(all.files),
                              count_text(all.sum.batches),
                              count_text(all.sum.records),
                              size_text(all.sum.bytes),
                              verdict);
}

std::string verified_json(const Session& session, const Verified& all) {
    auto damaged = Json::array();
    for (const auto& damage : all.sum.damaged)
        damaged.push_back(damage_json(damage));
    const Json document = {{"files", all.files},
                           {"batches", all.sum.batches},
                           {"records", all.sum.records},
                           {"damaged", std::move(damaged)}};
    return document.dump(session.output == OutputFormat::json ? 2 : -1) + "\n";
}

// One row of `segment index`.
std::string index_row(const Session& session,
                      const StoredSegment& of,
                      const segment::IndexCheck& index) {
    if (session.scripted()) {
        auto offsets = Json::array();
        for (const auto& entry : index.offsets()) {
            offsets.push_back({{"offset", (of.base + entry.relative_offset).value},
                               {"position", entry.position}});
        }
        auto times = Json::array();
        for (const auto& entry : index.times()) {
            times.push_back({{"timestamp", entry.timestamp},
                             {"offset", (of.base + entry.relative_offset).value}});
        }
        return Json{{"file", of.file.string()},
                    {"offsets", std::move(offsets)},
                    {"times", std::move(times)}}
                .dump();
    }
    auto text = of.file.string() + "\n";
    for (const auto& entry : index.offsets()) {
        text += fmt::format(
                "  offset {}: byte {}\n", (of.base + entry.relative_offset).value, entry.position);
    }
    for (const auto& entry : index.times()) {
        text += fmt::format(
                "  time {}: offset {}\n", entry.timestamp, (of.base + entry.relative_offset).value);
    }
    return text;
}

}  // namespace

std::expected<StoredSegments, ExitCode> segments_of(const Session& session,
                                                    const std::string& path) {
    auto found = segment::find_segments(path);
    if (!found) {
        return std::unexpected(fail(session, {ErrorCode::invalid_argument, found.error()}));
    }
    watch_for_interrupts();
    return *std::move(found);
}

ExitCode verify_segments(const Session& session, const std::string& path) {
    const auto found = segments_of(session, path);
    if (!found) return found.error();
    const auto all = verify(*found);
    const auto text = session.scripted() ? verified_json(session, all) : verified_text(*found, all);
    if (const auto put = put_out(session, text); put != ExitCode::ok) return put;
    if (interrupted()) return ExitCode::interrupted;
    return all.sum.damaged.empty() ? ExitCode::ok : ExitCode::failed;
}

ExitCode show_indexes(const Session& session, const std::string& path) {
    const auto found = segments_of(session, path);
    if (!found) return found.error();
    StandardOutput out;
    JsonRows rows(session.output);
    bool damaged = false;
    for (const auto& each : found->segments) {
        if (interrupted()) break;
        rows.begin_row(out.buffer());
        out.buffer() += index_row(session, each, segment::IndexCheck(each));
        rows.end_row(out.buffer());
        for (const auto& damage : segment::check_segment(each).damaged) {
            damaged = true;
            say(damage_text(damage));
        }
        if (!out.flush_if_large()) return fail_output(session, out.error());
    }
    rows.end(out.buffer());
    if (!out.flush()) return fail_output(session, out.error());
    if (interrupted()) return ExitCode::interrupted;
    return damaged ? ExitCode::failed : ExitCode::ok;
}

}  // namespace millrace::cli
