// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/metadata_log.h"

#include "broker/cluster/topic_name.h"
#include "engine/assert.h"
#include "engine/format/batch_builder.h"
#include "engine/format/batch_reader.h"
#include "engine/units.h"

#include <algorithm>

namespace millrace::broker {
namespace {

constexpr std::uint32_t kReadBytesMax = 1024 * 1024;
// A command's records are one batch: a request's table is at most 1 MiB.
constexpr std::uint32_t kBatchBytesMax = 2 * 1024 * 1024;

engine::LogConfig metadata_log_config() {
    engine::LogConfig config;
    config.durability = engine::Durability::synced;
    config.message_bytes_max = kBatchBytesMax;
    config.segment_bytes = 64 * engine::kMiB;
    return config;
}

}  // namespace

struct MetadataLog::Reading {
    enum class Phase : std::uint8_t { find_snapshot, read_all };

    engine::ReadOp op;
    Phase phase = Phase::find_snapshot;
    engine::Offset from;
    engine::Offset end;
    engine::Offset at;  // Next to take; batches may begin below it.
    OnRecord on_record;
    OnDone done;
    std::vector<std::byte> bytes;
    engine::BatchReader reader;
};

struct MetadataLog::Appending {
    engine::AppendOp op;
    MetadataLog* log = nullptr;
    OnDone done;
};

MetadataLog::MetadataLog(engine::ShardEngine& engine)
        : engine_(engine),
          log_(engine_.open_log({engine::kMetadataTopic, 0},
                                partition_directory(kMetadataTopicName, 0),
                                metadata_log_config())) {}

MetadataLog::~MetadataLog() = default;

void MetadataLog::read_all(OnRecord on_record, OnDone done) {
    ASSERT(reading_ == nullptr);
    reading_ = std::make_unique<Reading>();
    auto& reading = *reading_;
    const auto offsets = log_.offsets();
    reading.end = offsets.log_end;
    reading.on_record = std::move(on_record);
    reading.done = std::move(done);
    reading.op.owner = this;
    reading.op.done = &MetadataLog::read_done;
    if (offsets.log_end == offsets.log_start) {
        finish_reading({});
        return;
    }
    // The last record knows where the newest whole snapshot begins.
    reading.from = offsets.log_end - 1;
    reading.at = reading.from;
    read_next();
}

void MetadataLog::read_next() {
    while (true) {
        auto& reading = *reading_;
        reading.op.from = reading.at;
        reading.op.limit = reading.end;
        reading.op.bytes_max = kReadBytesMax;
        reading.op.slices.clear();
        reading.op.bytes = 0;
        if (log_.read(reading.op) == engine::ReadStatus::pending) return;
        const auto taken = take_slices();
        if (!taken || reading.at >= reading.end) {
            finish_reading(taken);
            return;
        }
    }
}

void MetadataLog::read_done(engine::ReadOp& op) noexcept {
    auto& self = *static_cast<MetadataLog*>(op.owner);
    const auto taken = self.take_slices();
    if (!taken || self.reading_->at >= self.reading_->end) {
        self.finish_reading(taken);
    } else {
        self.read_next();
    }
}

engine::Result<void> MetadataLog::take_slices() {
    auto& reading = *reading_;
    TRY_VOID(reading.op.outcome);
    if (reading.op.bytes == 0) return engine::failure(engine::Errc::damaged_range);
    // A batch may lie in two slices.
    reading.bytes.clear();
    for (const auto& slice : reading.op.slices) {
        reading.bytes.insert(reading.bytes.end(), slice.data, slice.data + slice.size);
    }
    reading.op.slices.clear();
    engine::Bytes rest = reading.bytes;
    while (!rest.empty()) {
        TRY(const auto batch, engine::BatchView::parse(rest));
        if (!batch.crc_is_right()) return engine::failure(engine::Errc::damaged_range);
        TRY_VOID(take_batch(batch.bytes()));
        rest = rest.subspan(batch.size());
    }
    return {};
}

engine::Result<void> MetadataLog::take_batch(engine::Bytes bytes) {
    auto& reading = *reading_;
    const auto batch = engine::BatchView::trusted(bytes.data());
    TRY_VOID(reading.reader.open(batch, kBatchBytesMax));
    while (true) {
        TRY(const auto item, reading.reader.next());
        if (!item) break;
        if (item->offset < reading.at) continue;
        if (!item->record.value) return engine::failure(engine::Errc::damaged_range);
        TRY(const auto record, decode_metadata_record(*item->record.value));
        if (reading.phase == Reading::Phase::find_snapshot) {
            snapshot_offset_ = record.snapshot_offset;
            reading.phase = Reading::Phase::read_all;
            reading.at = snapshot_offset_ < 0 ? log_.offsets().log_start
                                              : engine::Offset(snapshot_offset_);
            return {};
        }
        TRY_VOID(reading.on_record(record));
    }
    bytes_ += bytes.size();
    reading.at = batch.next_offset();
    return {};
}

void MetadataLog::finish_reading(engine::Result<void> outcome) {
    const auto reading = std::move(reading_);
    reading->done(outcome);
}

engine::Result<engine::Offset> MetadataLog::append(std::vector<MetadataRecord>& records,
                                                   OnDone done) {
    ASSERT(!records.empty());
    engine::BatchBuilder builder;
    std::vector<std::byte> value;
    for (auto& record : records) {
        record.snapshot_offset = snapshot_offset_;
        value.clear();
        encode(record, value);
        engine::RecordParts parts;
        parts.timestamp = 0;  // Not used: versions order the changes.
        parts.value = value;
        builder.append(parts);
    }
    TRY(const auto batch, builder.finish(engine::Codec::none));

    auto appending = std::make_unique<Appending>();
    appending->log = this;
    appending->done = std::move(done);
    appending->op.batches = batch;
    appending->op.durability = engine::Durability::synced;
    appending->op.frees_space = std::ranges::all_of(records, [](const MetadataRecord& record) {
        return record.kind == MetadataKind::deleted;
    });
    appending->op.owner = appending.get();
    appending->op.done = &MetadataLog::append_done;
    TRY_VOID(log_.append(appending->op));
    bytes_ += batch.size();
    const auto base = appending->op.base_offset;
    appending_.push_back(std::move(appending));
    return base;
}

void MetadataLog::append_done(engine::AppendOp& op) noexcept {
    auto* appending = static_cast<Appending*>(op.owner);
    auto& in_flight = appending->log->appending_;
    const auto found = std::find_if(in_flight.begin(), in_flight.end(), [&](const auto& owned) {
        return owned.get() == appending;
    });
    ASSERT(found != in_flight.end());
    const auto owned = std::move(*found);
    in_flight.erase(found);
    owned->done(owned->op.outcome);
}

void MetadataLog::snapshot_written(engine::Offset offset, std::uint64_t snapshot_bytes) noexcept {
    snapshot_offset_ = offset.value;
    bytes_ = snapshot_bytes;
}

}  // namespace millrace::broker
