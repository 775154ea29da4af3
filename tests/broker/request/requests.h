// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Requests in a line each, for tests.
#pragma once

#include "schemas/append_atomic_generated.h"
#include "schemas/compact_records_generated.h"
#include "schemas/configs_generated.h"
#include "schemas/delete_records_generated.h"
#include "schemas/describe_cluster_generated.h"
#include "schemas/fetch_generated.h"
#include "schemas/metadata_generated.h"
#include "schemas/offsets_generated.h"
#include "schemas/produce_generated.h"
#include "schemas/restore_topic_generated.h"
#include "schemas/topics_generated.h"
#include "schemas/verify_records_generated.h"
#include "schemas/wire/errors.h"
#include "tests/broker/request/peer_double.h"

#include <string>
#include <utility>
#include <vector>

namespace millrace::testing {

using Settings = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] RequestFrame create_topic_request(const std::string& name,
                                                std::uint32_t partitions,
                                                const Settings& config = {},
                                                bool validate_only = false,
                                                std::uint32_t timeout_ms = 0);
[[nodiscard]] RequestFrame restore_topic_request(const std::string& name,
                                                 std::uint32_t partitions,
                                                 const std::string& staged,
                                                 const Settings& config = {});
[[nodiscard]] RequestFrame delete_topic_request(const std::string& name);
[[nodiscard]] RequestFrame grow_topic_request(const std::string& name, std::uint32_t partitions);
// A value of "-" stands for removing the setting.
[[nodiscard]] RequestFrame alter_topic_request(const std::string& name, const Settings& changes);
[[nodiscard]] RequestFrame describe_topic_configs_request(const std::string& name,
                                                          const std::vector<std::string>& keys);
[[nodiscard]] RequestFrame metadata_request(const std::vector<std::string>& names);

struct Batches {
    engine::PartitionKey key;
    std::vector<std::byte> bytes;
};

// One batch with a record for each value.
[[nodiscard]] std::vector<std::byte> batch_of(const std::vector<std::string>& values,
                                              std::int64_t timestamp = 1'700'000'000'000);

struct ProduceOptions {
    std::int8_t acks = -1;
    std::uint32_t timeout_ms = 30'000;
    wire::AckDurability durability = wire::AckDurability::topic;
    std::vector<std::int64_t> expected_offsets{};  // None: not said.
};

[[nodiscard]] RequestFrame produce_request(const std::vector<Batches>& batches,
                                           const ProduceOptions& options = {});

[[nodiscard]] RequestFrame append_atomic_request(
        const std::vector<Batches>& batches,
        const std::vector<std::int64_t>& expected_offsets = {},
        std::uint32_t timeout_ms = 30'000);

struct Wanted {
    engine::PartitionKey key;
    std::int64_t offset = 0;
    std::int32_t epoch = -1;
    std::uint32_t bytes_max = 1U << 20;
};

struct FetchOptions {
    std::uint32_t session_id = 0;
    std::uint32_t session_epoch = 0xFFFF'FFFF;
    std::uint32_t wait_max_ms = 500;
    std::uint32_t bytes_min = 1;
    std::uint32_t bytes_max = 8U << 20;
    std::vector<engine::PartitionKey> forgotten{};
};

[[nodiscard]] RequestFrame fetch_request(const std::vector<Wanted>& wanted,
                                         const FetchOptions& options = {});
[[nodiscard]] RequestFrame list_offsets_request(const engine::PartitionKey& key,
                                                std::int64_t timestamp);
// `before`: an offset, -1 the end, -2 what retention keeps no longer.
[[nodiscard]] RequestFrame verify_records_request(const engine::PartitionKey& key,
                                                  std::int64_t from);
[[nodiscard]] RequestFrame delete_records_request(const engine::PartitionKey& key,
                                                  std::int64_t before);
// `ticket` 0: begins one.
[[nodiscard]] RequestFrame compact_records_request(const engine::PartitionKey& key,
                                                   std::uint64_t ticket = 0);

// Records of one partition of a fetch's answer.
struct FetchedRecords {
    std::uint16_t error = 0;
    std::int64_t high_watermark = -1;
    std::int64_t log_start = -1;
    std::int64_t diverging_end = -1;
    std::int32_t diverging_epoch = -1;
    std::vector<std::pair<std::int64_t, std::string>> records;  // Offset and value.
};

// By partition number; the ranges of the payload must fill it exactly.
[[nodiscard]] std::vector<std::pair<engine::PartitionKey, FetchedRecords>> fetched(
        const Answer& answer);
[[nodiscard]] FetchedRecords fetched_one(const Answer& answer);

class ServiceRig;

// Creates the topic and returns its id.
[[nodiscard]] engine::TopicId create(ServiceRig& rig,
                                     PeerDouble& peer,
                                     const std::string& name,
                                     std::uint32_t partitions,
                                     const Settings& config = {});
// Produces one record and returns its offset, or minus the error's number.
[[nodiscard]] std::int64_t produce_one(ServiceRig& rig,
                                       PeerDouble& peer,
                                       const engine::PartitionKey& key,
                                       const std::string& value);

}  // namespace millrace::testing
