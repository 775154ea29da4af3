// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "admin/compactions.h"

#include "codec/compactions.h"
#include "codec/metadata.h"
#include "codec/table.h"
#include "core/positions.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <thread>

namespace millrace::detail {

namespace {

constexpr std::chrono::milliseconds kAskAgainMin{20};
constexpr std::chrono::milliseconds kAskAgainMax{500};

void take_row(CompactionOutcome& outcome, const CompactedRow& row) {
    outcome.finished = row.finished;
    outcome.segments_before = row.segments_before;
    outcome.segments_after = row.segments_after;
    outcome.records_before = row.records_before;
    outcome.records_after = row.records_after;
    outcome.bytes_before = row.bytes_before;
    outcome.bytes_after = row.bytes_after;
    if (row.error.code == ErrorCode::none) return;
    outcome.finished = true;
    outcome.error = error_of(outcome.partition.topic, outcome.partition.partition, row.error);
}

// Asks for those that are not finished; their rows keep the tickets.
Result<void> ask_once(ClientCore& client,
                      std::vector<CompactionRow>& rows,
                      std::vector<CompactionOutcome>& outcomes) {
    std::vector<CompactionRow> asked;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (outcomes[i].finished) continue;
        asked.push_back(rows[i]);
        places.push_back(i);
    }
    for (std::size_t begin = 0; begin < asked.size(); begin += kRequestRowsMax) {
        const auto some = std::span<const CompactionRow>(asked).subspan(
                begin, std::min(asked.size() - begin, kRequestRowsMax));
        // Asked twice it is one compaction: a lost answer does no harm.
        const auto compacted = client.ask(
                encode_compact_records(some), Effect::query, [&](const Response& response) {
                    return decode_compact_records(response, some);
                });
        if (!compacted) return compacted.error();
        for (std::size_t i = 0; i < some.size(); ++i) {
            const auto place = places[begin + i];
            take_row(outcomes[place], (*compacted)[i]);
            rows[place].ticket = (*compacted)[i].ticket;
        }
    }
    return {};
}

}  // namespace

Result<std::vector<CompactionOutcome>> compact_topic(ClientCore& client,
                                                     const std::string& name,
                                                     bool wait) {
    const auto topics = client.topics({name});
    if (!topics) return topics.error();
    const auto& topic = topics->front();
    if (topic.error.code != ErrorCode::none) {
        return Error{topic.error.code, topic.error.message};
    }
    std::vector<CompactionRow> rows;
    std::vector<CompactionOutcome> outcomes;
    for (const auto& partition : topic.partitions) {
        rows.push_back({topic.id, partition.partition, 0});
        outcomes.emplace_back().partition = {name, partition.partition};
    }
    auto delay = kAskAgainMin;
    for (;;) {
        if (const auto asked = ask_once(client, rows, outcomes); !asked) return asked.error();
        const bool all = std::ranges::all_of(
                outcomes, [](const CompactionOutcome& outcome) { return outcome.finished; });
        if (all || !wait) return outcomes;
        std::this_thread::sleep_for(delay);
        delay = std::min(2 * delay, kAskAgainMax);
    }
}

}  // namespace millrace::detail
