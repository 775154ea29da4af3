// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/partition/record_verification.h"

#include "engine/units.h"

namespace millrace::broker {
namespace {

// An answer comes well before those who ask give up, though a segment is verified as a whole.
constexpr std::uint64_t kBytesAtOnce = 64 * engine::kMiB;

void finish(RecordVerification& verification,
            VerificationProblem problem,
            engine::Error error = {}) noexcept {
    verification.problem = problem;
    verification.error = error;
    verification.done(verification);
}

void verified(engine::VerifyOp& op) noexcept {
    auto& verification = *static_cast<RecordVerification*>(op.owner);
    if (!op.outcome) return finish(verification, VerificationProblem::failed, op.outcome.error());
    finish(verification, VerificationProblem::none);
}

}  // namespace

void verify_records(RecordVerification& verification, PartitionSource& source) noexcept {
    PartitionSource::Missing missing{};
    auto* partition = source.find_or_open(verification.key, missing);
    if (partition == nullptr) {
        return finish(verification,
                      missing == PartitionSource::Missing::topic
                              ? VerificationProblem::unknown_topic
                              : VerificationProblem::unknown_partition);
    }
    verification.op.owner = &verification;
    verification.op.done = &verified;
    verification.op.from = verification.from;
    verification.op.bytes_max = kBytesAtOnce;
    partition->log().verify(verification.op);
}

}  // namespace millrace::broker
