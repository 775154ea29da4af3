// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/verify_command.h"

#include "tools/millrace/json_document.h"
#include "tools/millrace/quantity.h"
#include "tools/millrace/table.h"

#include <fmt/format.h>

#include <vector>

namespace millrace::cli {

namespace {

using Json = nlohmann::ordered_json;

Json verified_json(const PartitionVerification& verified) {
    auto damaged = Json::array();
    for (const auto& range : verified.damaged) {
        damaged.push_back({{"file", range.file},
                           {"first_offset", range.first_offset},
                           {"last_offset", range.last_offset},
                           {"reason", range.reason}});
    }
    return {{"partition", verified.partition.partition},
            {"segments", verified.segments},
            {"batches", verified.batches},
            {"records", verified.records},
            {"bytes", verified.bytes},
            {"damaged_ranges", verified.damaged_in_all},
            {"damaged", std::move(damaged)}};
}

std::string verified_text(const std::vector<PartitionVerification>& all) {
    Table table({"PARTITION", "SEGMENTS", "BATCHES", "RECORDS", "SIZE", "DAMAGED"});
    std::string ranges;
    for (const auto& verified : all) {
        const auto partition = std::to_string(verified.partition.partition);
        table.add({partition,
                   count_text(verified.segments),
                   count_text(verified.batches),
                   count_text(verified.records),
                   size_text(verified.bytes),
                   count_text(verified.damaged_in_all)});
        for (const auto& range : verified.damaged) {
            ranges +=
                    fmt::format("\npartition {}, {}\n  offsets {} to {}: {}; sound up to byte {}\n",
                                partition,
                                range.file,
                                range.first_offset,
                                range.last_offset,
                                range.reason,
                                range.position);
        }
    }
    return table.text() + ranges;
}

}  // namespace

ExitCode verify_topic(const Session& session, const TopicVerifyOptions& options) {
    auto admin = session.admin();
    if (!admin) return fail(session, admin.error());
    std::vector<std::uint32_t> partitions;
    if (options.partition) {
        partitions.push_back(*options.partition);
    } else {
        const auto topic = admin->describe_topic(options.topic);
        if (!topic) return fail(session, topic.error(), options.topic);
        for (const auto& partition : topic->partitions)
            partitions.push_back(partition.partition);
    }
    std::vector<PartitionVerification> all;
    bool damaged = false;
    for (const auto partition : partitions) {
        auto verified = admin->verify_partition({options.topic, partition});
        if (!verified) return fail(session, verified.error(), options.topic);
        damaged = damaged || verified->damaged_in_all > 0;
        all.push_back(std::move(*verified));
    }
    auto rows = Json::array();
    for (const auto& verified : all)
        rows.push_back(verified_json(verified));
    const auto put =
            put_out(session, session.scripted() ? json_text(session, rows) : verified_text(all));
    if (put != ExitCode::ok) return put;
    return damaged ? ExitCode::failed : ExitCode::ok;
}

}  // namespace millrace::cli
