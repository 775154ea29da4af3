// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/compaction/batch_cleaner.h"

#include "engine/base/payload_copy.h"
#include "engine/base/planted_bugs.h"
#include "engine/base/varint.h"
#include "engine/format/compression.h"
#include "engine/format/record.h"
#include "engine/units.h"

#include <algorithm>
#include <limits>

namespace millrace::engine {

namespace {

constexpr std::uint64_t kOpenedBytesLeast = 32 * kMiB;

// What a record's timestamp becomes relative to another base. Timestamps lie far inside 64 bits;
// of one that does not, readers hear as before.
std::int64_t moved(std::int64_t delta, TimestampMs by) noexcept {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(delta) -
                                     static_cast<std::uint64_t>(by));
}

void append(std::vector<std::byte>& to, Bytes bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

std::uint64_t opened_bytes_max(std::uint64_t batch_bytes) noexcept {
    return std::max(kOpenedBytesLeast, 4 * batch_bytes);
}

void BatchCleaner::clean(const BatchView& batch, bool keep_header, std::vector<std::byte>& to) {
    const auto count = static_cast<std::uint64_t>(std::max(batch.record_count(), 0));
    counts_.records_before += count;
    kept_.clear();
    kept_tombstone_ = false;
    tombstones_gone_ = 0;
    auto records = batch.records();
    Result<void> outcome;
    if (!batch.emptied() && batch.codec() != Codec::none) {
        opened_.clear();
        outcome = decompress(batch.codec(), records, opened_bytes_max(batch.size()), opened_);
        records = opened_;
    }
    if (outcome) outcome = choose(batch, records);
    if (!outcome) {
        // Nobody can say what is in it, so it is no garbage.
        ++counts_.unreadable_batches;
        counts_.records_after += count;
        return append(to, batch.bytes());
    }
    counts_.tombstones_removed += tombstones_gone_;
    counts_.records_after += kept_.size();
    if (kept_.empty()) {
        if (keep_header) append_emptied(batch, to);
        return;
    }
    const bool new_horizon = kept_tombstone_ && !batch.has_delete_horizon();
    if (kept_.size() == count && !new_horizon) return append(to, batch.bytes());
    const auto before = to.size();
    if (rewrite(batch, to)) return;
    to.resize(before);
    append(to, batch.bytes());
}

// Walks all records and remembers those that stay.
Result<void> BatchCleaner::choose(const BatchView& batch, Bytes records) {
    const bool passed = batch.has_delete_horizon() && batch.base_timestamp() < rules_.now;
    std::int32_t before = -1;
    for (std::int32_t left = batch.record_count(); left > 0; --left) {
        const auto begin = records;
        TRY(const auto record, take_record(records));
        if (record.offset_delta <= before || record.offset_delta > batch.last_offset_delta()) {
            return failure(Errc::corrupt_batch);
        }
        before = record.offset_delta;
        const auto offset = batch.base_offset() + record.offset_delta;
        if (record.key) {
            const auto last = rules_.keys->find(*record.key);
            if (last && offset < *last) continue;
            const bool goes = bug_planted(PlantedBug::tombstone_too_early) || passed;
            if (!record.value && goes) {
                ++tombstones_gone_;
                continue;
            }
            kept_tombstone_ = kept_tombstone_ || !record.value;
        }
        const auto raw = begin.first(begin.size() - records.size());
        auto fields = raw;
        static_cast<void>(take_varint(fields));
        fields = fields.subspan(1);
        static_cast<void>(take_varlong(fields));
        static_cast<void>(take_varint(fields));
        kept_.push_back({raw, fields, record.timestamp_delta, record.offset_delta});
    }
    if (!records.empty()) return failure(Errc::corrupt_batch);
    return {};
}

// The kept records in a batch of their own.
Result<void> BatchCleaner::rewrite(const BatchView& batch, std::vector<std::byte>& to) {
    const bool new_horizon = kept_tombstone_ && !batch.has_delete_horizon();
    const auto base = new_horizon ? rules_.new_horizon : batch.base_timestamp();
    auto largest = std::numeric_limits<TimestampMs>::min();
    for (const auto& kept : kept_)
        largest = std::max(largest, moved(kept.timestamp_delta, moved(0, batch.base_timestamp())));
    store_records(moved(base, batch.base_timestamp()));

    const auto begin = to.size();
    append(to, batch.bytes().first(kBatchHeaderBytes));
    if (batch.codec() == Codec::none) {
        append(to, records_);
    } else {
        TRY_VOID(compress(batch.codec(), records_, to));
    }
    auto* header = to.data() + begin;
    const auto size = to.size() - begin;
    store_big(header + batch_at::kBatchLength, static_cast<std::int32_t>(size - kBatchPrefixBytes));
    store_big(header + batch_at::kRecordCount, static_cast<std::int32_t>(kept_.size()));
    store_big(header + batch_at::kBaseTimestamp, base);
    if (new_horizon) {
        store_big(header + batch_at::kAttributes,
                  static_cast<std::uint16_t>(batch.attributes() | kDeleteHorizonBit));
    }
    set_batch_max_timestamp(header, batch.log_append_time() ? batch.max_timestamp() : largest);
    return {};
}

void BatchCleaner::store_records(TimestampMs base_moved_by) {
    records_.clear();
    for (const auto& kept : kept_) {
        if (base_moved_by == 0) {
            append(records_, kept.raw);
            continue;
        }
        const auto delta = moved(kept.timestamp_delta, base_moved_by);
        const auto body =
                1 + varint_bytes(delta) + varint_bytes(kept.offset_delta) + kept.fields.size();
        const auto before = records_.size();
        records_.resize(before + varint_bytes(static_cast<std::int64_t>(body)) + body);
        auto* at = store_varint(records_.data() + before, static_cast<std::int64_t>(body));
        *at++ = std::byte{0};  // Attributes: unused.
        at = store_varint(at, delta);
        at = store_varint(at, kept.offset_delta);
        copy_payload(at, kept.fields.data(), kept.fields.size());
    }
}

void append_emptied(const BatchView& batch, std::vector<std::byte>& to) {
    const auto begin = to.size();
    append(to, batch.bytes().first(kBatchHeaderBytes));
    auto* header = to.data() + begin;
    constexpr auto kKept = static_cast<std::uint16_t>(~(kCodecMask | kDeleteHorizonBit));
    store_big(header + batch_at::kBatchLength,
              static_cast<std::int32_t>(kBatchHeaderBytes - kBatchPrefixBytes));
    store_big(header + batch_at::kAttributes,
              static_cast<std::uint16_t>(batch.attributes() & kKept));
    store_big(header + batch_at::kBaseTimestamp, TimestampMs{-1});
    store_big(header + batch_at::kRecordCount, std::int32_t{0});
    set_batch_max_timestamp(header, batch.max_timestamp());
}

}  // namespace millrace::engine
