// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/partition/record_deletion.h"

namespace millrace::broker {
namespace {

void finish(RecordDeletion& deletion, DeletionProblem problem, engine::Error error = {}) noexcept {
    deletion.problem = problem;
    deletion.error = error;
    deletion.done(deletion);
}

void deleted(engine::DeleteOp& op) noexcept {
    auto& deletion = *static_cast<RecordDeletion*>(op.owner);
    if (!op.outcome) return finish(deletion, DeletionProblem::refused, op.outcome.error());
    deletion.log_start = op.log_start;
    deletion.segments = op.segments;
    deletion.bytes = op.bytes;
    finish(deletion, DeletionProblem::none);
}

}  // namespace

void delete_records(RecordDeletion& deletion, PartitionSource& source) noexcept {
    PartitionSource::Missing missing{};
    auto* partition = source.find_or_open(deletion.key, missing);
    if (partition == nullptr) {
        const bool no_topic = missing == PartitionSource::Missing::topic;
        return finish(
                deletion,
                no_topic ? DeletionProblem::unknown_topic : DeletionProblem::unknown_partition);
    }
    auto& log = partition->log();
    deletion.op.owner = &deletion;
    deletion.op.done = &deleted;
    if (deletion.kind == DeletionKind::expired) return log.expire(deletion.op);
    deletion.op.before =
            deletion.kind == DeletionKind::all ? log.offsets().visible_end : deletion.before;
    log.delete_before(deletion.op);
}

}  // namespace millrace::broker
