// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Requests and answers as values. Nothing of FlatBuffers shows outside this folder.
#pragma once

#include "millrace/admin.h"
#include "millrace/error.h"
#include "millrace/types.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::detail {

// One partition's answer about anything: its code and, where the broker said more, its sentence.
struct RowError {
    ErrorCode code = ErrorCode::none;
    std::string message;
};

// Whose settings.
enum class ConfigOf : std::uint8_t { broker, topic };

struct TopicMetadata {
    std::string name;
    Uuid id;
    std::vector<PartitionDescription> partitions;  // Ascending, from 0, without a hole.
    RowError error;
};

struct ProduceRow {
    Uuid topic;
    std::uint32_t partition = 0;
    std::uint32_t payload_bytes = 0;
    std::int64_t expected_offset = -1;  // -1: anywhere.
};

struct ProducedRow {
    Uuid topic;
    std::uint32_t partition = 0;
    std::int64_t base_offset = -1;
    std::int64_t append_time = -1;
    RowError error;
};

struct FetchRow {
    Uuid topic;
    std::uint32_t partition = 0;
    std::int32_t leader_epoch = -1;
    std::int64_t offset = 0;
    std::uint32_t bytes_max = 0;
};

struct PartitionId {
    Uuid topic;
    std::uint32_t partition = 0;
};

struct FetchQuery {
    std::uint32_t session_id = 0;
    std::uint32_t session_epoch = 0;
    std::uint32_t wait_max_ms = 0;
    std::uint32_t bytes_min = 0;
    std::uint32_t bytes_max = 0;
    std::vector<FetchRow> partitions;
    std::vector<PartitionId> forgotten;
};

struct FetchedRow {
    Uuid topic;
    std::uint32_t partition = 0;
    std::int64_t high_watermark = -1;
    std::int64_t log_start_offset = -1;
    std::size_t payload_begin = 0;  // In the response's payload.
    std::uint32_t payload_bytes = 0;
    RowError error;
};

struct Fetched {
    std::uint32_t session_id = 0;
    std::uint32_t session_epoch = 0;
    std::vector<FetchedRow> partitions;
};

inline constexpr std::int64_t kTimestampEnd = -1;
inline constexpr std::int64_t kTimestampStart = -2;

struct OffsetRow {
    Uuid topic;
    std::uint32_t partition = 0;
    std::int64_t timestamp = kTimestampEnd;
};

struct DeletionRow {
    Uuid topic;
    std::uint32_t partition = 0;
    std::int64_t before = 0;
};

struct DeletedRow {
    std::int64_t log_start_offset = -1;
    std::uint32_t segments = 0;
    std::uint64_t bytes = 0;
    RowError error;
};

struct CompactionRow {
    Uuid topic;
    std::uint32_t partition = 0;
    std::uint64_t ticket = 0;
};

struct CompactedRow {
    std::uint64_t ticket = 0;
    bool finished = false;
    std::uint64_t segments_before = 0;
    std::uint64_t segments_after = 0;
    std::uint64_t records_before = 0;
    std::uint64_t records_after = 0;
    std::uint64_t bytes_before = 0;
    std::uint64_t bytes_after = 0;
    RowError error;
};

struct ListedRow {
    std::int64_t offset = -1;
    std::int64_t timestamp = -1;
    std::int64_t log_start_offset = -1;
    std::int64_t high_watermark = -1;
    std::uint64_t size_bytes = 0;
    RowError error;
};

}  // namespace millrace::detail
