// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What FlatBuffers cannot see, per request: ranges, enums, duplicates, alignment, sums. The names
// of topics and settings are checked where the catalogue answers for each of them.
#pragma once

#include "broker/protocol/refusal.h"
#include "broker/protocol/verified.h"
#include "schemas/append_atomic_generated.h"
#include "schemas/compact_records_generated.h"
#include "schemas/configs_generated.h"
#include "schemas/delete_records_generated.h"
#include "schemas/describe_cluster_generated.h"
#include "schemas/fetch_generated.h"
#include "schemas/init_producer_generated.h"
#include "schemas/metadata_generated.h"
#include "schemas/offsets_generated.h"
#include "schemas/produce_generated.h"
#include "schemas/restore_topic_generated.h"
#include "schemas/topics_generated.h"
#include "schemas/verify_records_generated.h"

namespace millrace::broker {

// One overload per request; `payload` is what follows the table. Errors: malformed_request,
// invalid_acks.
using CheckResult = Checked<void>;
[[nodiscard]] CheckResult check(const wire::DescribeClusterRequest& request, engine::Bytes payload);
[[nodiscard]] CheckResult check(const wire::MetadataRequest& request, engine::Bytes payload);
[[nodiscard]] CheckResult check(const wire::DescribeConfigsRequest& request, engine::Bytes payload);
[[nodiscard]] CheckResult check(const wire::AlterConfigsRequest& request, engine::Bytes payload);
[[nodiscard]] CheckResult check(const wire::CreateTopicsRequest& request, engine::Bytes payload);
[[nodiscard]] CheckResult check(const wire::DeleteTopicsRequest& request, engine::Bytes payload);
[[nodiscard]] CheckResult check(const wire::CreatePartitionsRequest& request,
                                engine::Bytes payload);
[[nodiscard]] CheckResult check(const wire::DeleteRecordsRequest& request, engine::Bytes payload);
[[nodiscard]] CheckResult check(const wire::CompactRecordsRequest& request, engine::Bytes payload);
[[nodiscard]] CheckResult check(const wire::VerifyRecordsRequest& request, engine::Bytes payload);
[[nodiscard]] CheckResult check(const wire::RestoreTopicRequest& request, engine::Bytes payload);
[[nodiscard]] CheckResult check(const wire::ProduceRequest& request, engine::Bytes payload);
[[nodiscard]] CheckResult check(const wire::AppendAtomicRequest& request, engine::Bytes payload);
[[nodiscard]] CheckResult check(const wire::FetchRequest& request, engine::Bytes payload);
[[nodiscard]] CheckResult check(const wire::ListOffsetsRequest& request, engine::Bytes payload);
[[nodiscard]] CheckResult check(const wire::OffsetForLeaderEpochRequest& request,
                                engine::Bytes payload);
[[nodiscard]] CheckResult check(const wire::InitProducerRequest& request, engine::Bytes payload);

}  // namespace millrace::broker
