// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/partition/partition_query.h"

#include <limits>

namespace millrace::broker {
namespace {

void finish(PartitionQuery& query, QueryProblem problem, engine::Error error = {}) noexcept {
    query.problem = problem;
    query.error = error;
    query.done(query);
}

void look_up(PartitionQuery& query, engine::TimestampMs timestamp) noexcept {
    query.lookup.timestamp = timestamp;
    query.log->look_up_time(query.lookup);
}

void take_found(PartitionQuery& query) noexcept {
    query.offset = query.lookup.offset;
    query.found_timestamp = query.lookup.found_timestamp;
    query.found_epoch = query.lookup.epoch;
}

void time_found(engine::TimeLookupOp& op) noexcept {
    auto& query = *static_cast<PartitionQuery*>(op.owner);
    if (!op.outcome) return finish(query, QueryProblem::refused, op.outcome.error());
    if (op.found) take_found(query);
    finish(query, QueryProblem::none);
}

// The largest timestamp by halving: a record at or above `middle` either exists, and then names a
// higher one that does, or the largest lies below.
void largest_step(engine::TimeLookupOp& op) noexcept {
    auto& query = *static_cast<PartitionQuery*>(op.owner);
    if (!op.outcome) return finish(query, QueryProblem::refused, op.outcome.error());
    if (op.found) {
        take_found(query);
        query.lowest = op.found_timestamp;
    } else {
        query.highest = op.timestamp - 1;
    }
    if (query.lowest >= query.highest) {
        // What was taken last is the first record that has the largest timestamp.
        return finish(query, QueryProblem::none);
    }
    look_up(query, query.lowest + (query.highest - query.lowest) / 2 + 1);
}

void answer_epoch_end(PartitionQuery& query) noexcept {
    const auto end = query.log->epoch_end(query.epoch);
    query.offset = end.end_offset;
    query.found_epoch = end.epoch;
    finish(query, QueryProblem::none);
}

}  // namespace

void ask(PartitionQuery& query, PartitionSource& source) noexcept {
    PartitionSource::Missing missing{};
    auto* partition = source.find_or_open(query.key, missing);
    if (partition == nullptr) {
        return finish(query,
                      missing == PartitionSource::Missing::topic ? QueryProblem::unknown_topic
                                                                 : QueryProblem::unknown_partition);
    }
    auto& log = partition->log();
    query.log = &log;
    const auto offsets = log.offsets();
    query.log_start = offsets.log_start;
    query.high_watermark = offsets.visible_end;
    query.size_bytes = log.size_bytes();
    if (query.kind == QueryKind::epoch_end) return answer_epoch_end(query);
    if (query.epoch >= 0 && query.epoch != log.leader_epoch()) {
        return finish(query,
                      query.epoch < log.leader_epoch() ? QueryProblem::fenced_leader_epoch
                                                       : QueryProblem::unknown_leader_epoch);
    }
    query.lookup.owner = &query;
    query.lookup.limit = offsets.visible_end;
    switch (query.kind) {
        case QueryKind::start:
            query.offset = offsets.log_start;
            query.found_epoch = log.leader_epoch();
            return finish(query, QueryProblem::none);
        case QueryKind::end:
            query.offset = offsets.visible_end;
            query.found_epoch = log.leader_epoch();
            return finish(query, QueryProblem::none);
        case QueryKind::time:
            query.lookup.done = &time_found;
            return look_up(query, query.timestamp);
        case QueryKind::largest_timestamp:
            query.lookup.done = &largest_step;
            query.lowest = -1;
            query.highest = std::numeric_limits<engine::TimestampMs>::max() - 1;
            return look_up(query, 0);
        case QueryKind::epoch_end:
            break;
    }
}

}  // namespace millrace::broker
