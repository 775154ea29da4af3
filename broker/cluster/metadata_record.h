// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The records of the metadata log, in bytes. Little endian; docs/log_format.md, "Metadata log".
#pragma once

#include "broker/cluster/topic_config.h"
#include "engine/result.h"
#include "engine/types.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace millrace::broker {

inline constexpr std::uint8_t kMetadataFormat = 1;

enum class MetadataKind : std::uint8_t {
    topic = 1,           // The topic is as the record says: created, grown or altered.
    deleted = 2,         // The topic is gone; its id is remembered.
    forgotten = 3,       // No write-ahead log can hold the deleted id any more.
    snapshot_begin = 4,  // What follows, up to the end, is everything.
    snapshot_end = 5,
    producer_ids = 6,  // Ids below the record's are given or lost.
};

struct MetadataRecord {
    MetadataKind kind = MetadataKind::topic;
    bool in_snapshot = false;
    std::uint64_t version = 0;  // Of the change; ascends.
    std::int64_t snapshot_offset =
            -1;  // Where the newest whole snapshot begins; -1: there is none.

    engine::TopicId id;                 // topic, deleted, forgotten.
    std::uint32_t clean_starts = 0;     // deleted: starts after a clean stop since the deletion.
    std::uint32_t partitions = 0;       // topic.
    std::string name;                   // topic; deleted: what its folders are named after.
    ConfigOverrides overrides;          // topic.
    std::int64_t producer_ids_end = 0;  // producer_ids.
};

// Appends the record's bytes.
void encode(const MetadataRecord& record, std::vector<std::byte>& to);

// Errors: newer_format (a format or kind of a later version), damaged_range (anything else wrong).
[[nodiscard]] engine::Result<MetadataRecord> decode_metadata_record(engine::Bytes bytes);

}  // namespace millrace::broker
