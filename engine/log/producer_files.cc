// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/producer_files.h"

#include "engine/units.h"

#include <cerrno>
#include <utility>

namespace millrace::engine {

namespace {

// What has to be read again at most, besides the write-ahead log.
constexpr std::uint64_t kBytesBetween = 16 * kMiB;

}  // namespace

ProducerFiles::ProducerFiles(LogContext& context, ProducerLoads& loads, UnsyncedLogs* unsynced)
        : FileSteps(context), loads_(loads), unsynced_(unsynced), file_(context) {
    waiter_.owner = write_.owner = this;
    waiter_.ready = [](LogWaiter& waiter) noexcept {
        static_cast<ProducerFiles*>(waiter.owner)->write();
    };
    write_.run = [](Deferred& deferred) noexcept {
        static_cast<ProducerFiles*>(deferred.owner)->write();
    };
}

bool ProducerFiles::due(const LogState& log, SnapshotMoment moment) noexcept {
    const auto& producers = log.producers;
    if (!producers.any || producers.from >= log.stored_end) return false;
    if (producers.bytes_since >= kBytesBetween) return true;
    return moment == SnapshotMoment::boundary && producers.table != nullptr;
}

void ProducerFiles::save(LogState& log, bool sync, Completion done) noexcept {
    log_ = &log;
    sync_ = sync;
    done_ = done;
    ++log.producers.pins;
    if (log.producers.table == nullptr) return loads_.wait(log, waiter_);
    context_.defer(write_);
}

void ProducerFiles::write() noexcept {
    if (context_.failed) return stop(*context_.failed);
    if (log_->removed) return finish(failure(Errc::shutting_down));
    const auto* table = loads_.use(*log_);
    if (table == nullptr) return finish(failure(Errc::no_room));
    offset_ = log_->stored_end;
    const auto rows = table->snapshot();
    auto* to = file_.prepare({.path = segment_path(log_->directory, offset_, kSnapshotSuffix),
                              .length = producer_snapshot_bytes(rows.size()),
                              .sync = sync_});
    if (to == nullptr) return finish(failure(Errc::no_room));
    encode_producer_snapshot(rows, to);
    file_.start(completion_of<&ProducerFiles::written>(*this));
}

void ProducerFiles::written(Result<void> outcome) noexcept {
    if (!outcome) return finish(outcome);
    if (log_->removed) return finish(failure(Errc::shutting_down));
    auto& producers = log_->producers;
    // That of a segment's beginning stays as long as the segment.
    const auto* segment = log_->segments.find(producers.from);
    producers.saved(offset_, segment == nullptr || segment->base != producers.from);
    if (unsynced_ != nullptr) {
        log_->unsynced.folder = true;
        unsynced_->add(*log_);
    }
    remove_needless();
}

void ProducerFiles::remove_needless() noexcept {
    auto& producers = log_->producers;
    if (producers.needless.empty() || producers.needless.front() >= producers.named) {
        return finish({});
    }
    path_call(FileOpKind::unlink,
              segment_path(log_->directory, producers.needless.front(), kSnapshotSuffix),
              &ProducerFiles::removed);
}

void ProducerFiles::removed() noexcept {
    if (result() != -ENOENT && ended_by_failure("removal of a producer snapshot")) return;
    auto& needless = log_->producers.needless;
    needless.erase(needless.begin());
    remove_needless();
}

void ProducerFiles::finish(Result<void> outcome) noexcept {
    --log_->producers.pins;
    log_ = nullptr;
    const auto done = std::exchange(done_, {});
    done(outcome);
}

}  // namespace millrace::engine
