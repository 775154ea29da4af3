// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A record of the metadata log: what is read can be written again and says the same.
#include "broker/cluster/metadata_record.h"
#include "engine/assert.h"
#include "tests/fuzz/fuzzer.h"

namespace millrace::fuzz {

namespace {

using broker::MetadataKind;
using broker::MetadataRecord;

Input written(const MetadataRecord& record) {
    Input bytes;
    broker::encode(record, bytes);
    return bytes;
}

void run(engine::Bytes input) {
    const AlignedCopy copy(input);
    const auto record = broker::decode_metadata_record(copy.bytes());
    if (!record) return;
    const auto bytes = written(*record);
    // Shorter where a setting came twice.
    ASSERT(bytes.size() <= input.size());
    const auto again = broker::decode_metadata_record(bytes);
    ASSERT(again.has_value());
    ASSERT(written(*again) == bytes);
}

MetadataRecord record_of(MetadataKind kind) {
    MetadataRecord record;
    record.kind = kind;
    record.version = 3;
    record.id.bytes = {4, 5, 6};
    record.name = "orders";
    record.partitions = 12;
    record.clean_starts = 1;
    return record;
}

std::vector<Input> seeds() {
    auto topic = record_of(MetadataKind::topic);
    std::vector<Input> all{written(topic)};
    topic.overrides = {{"retention.ms", "1000"}, {"segment.bytes", "1048576"}};
    topic.in_snapshot = true;
    topic.snapshot_offset = 8;
    all.push_back(written(topic));
    for (const auto kind : {MetadataKind::deleted,
                            MetadataKind::forgotten,
                            MetadataKind::snapshot_begin,
                            MetadataKind::snapshot_end}) {
        all.push_back(written(record_of(kind)));
    }
    return all;
}

const Registration kRegistration({{.name = "metadata", .run = run, .seeds = seeds}});

}  // namespace

}  // namespace millrace::fuzz
