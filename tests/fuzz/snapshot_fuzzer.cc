// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A snapshot of a partition's producers: what is read can be written again and says the same, and a
// table that takes it over has no more than it may.
#include "engine/assert.h"
#include "engine/base/byte_order.h"
#include "engine/base/crc32c.h"
#include "engine/log/producer_table.h"
#include "tests/fuzz/fuzzer.h"

namespace millrace::fuzz {

namespace {

using engine::Bytes;
using engine::Offset;
using engine::ProducerSnapshotRow;

// docs/log_format.md, "Producer snapshots".
constexpr std::size_t kCrcAt = 2;
constexpr std::size_t kBehindCrc = 6;

constexpr Offset kEnd{1'000'000};
constexpr engine::TimestampMs kNow = 1'700'000'000'000;
constexpr engine::TimestampMs kExpiration = 24 * 3600 * 1000;

Input written(const std::vector<ProducerSnapshotRow>& rows) {
    Input bytes(engine::producer_snapshot_bytes(rows.size()));
    engine::encode_producer_snapshot(rows, bytes.data());
    return bytes;
}

void run(Bytes input) {
    const AlignedCopy copy(input);
    const auto rows = engine::decode_producer_snapshot(copy.bytes(), kEnd);
    if (!rows) return;
    const auto again = engine::decode_producer_snapshot(written(*rows), kEnd);
    ASSERT(again.has_value());
    ASSERT(*again == *rows);
    engine::ProducerTable table(kExpiration);
    table.restore(*rows, false, kNow);
    ASSERT(table.size() <= engine::kProducersMax);
    const auto kept = table.snapshot();
    ASSERT(kept.size() <= rows->size());
    engine::ProducerTable taken_over(kExpiration);
    taken_over.restore(kept, false, kNow);
    ASSERT(taken_over.snapshot() == kept);
}

void seal(Input& input) {
    if (input.size() < kBehindCrc) return;
    engine::store_big(input.data() + kCrcAt, engine::crc32c(Bytes(input).subspan(kBehindCrc)));
}

std::vector<Input> seeds() {
    std::vector<ProducerSnapshotRow> rows;
    for (std::int32_t i = 0; i < 4; ++i) {
        rows.push_back({.producer_id = 4711 + i / 3,
                        .epoch = static_cast<std::int16_t>(i / 2),
                        .last_sequence = i == 0 ? 2'147'483'647 : 2 * i,
                        .last_offset = Offset(10 + 2 * i),
                        .offset_delta = 1,
                        .timestamp = kNow - 1000 + i});
    }
    return {written({}), written({rows.front()}), written(rows)};
}

const Registration kRegistration(
        {{.name = "snapshot-producers", .run = run, .seeds = seeds, .seal = seal}});

}  // namespace

}  // namespace millrace::fuzz
