// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The calls of Admin, over the client's connection for questions.
#pragma once

#include "core/client_core.h"
#include "millrace/admin.h"

#include <memory>

namespace millrace::detail {

class AdminCore {
public:
    explicit AdminCore(std::shared_ptr<ClientCore> client) : client_(std::move(client)) {}

    // One outcome per topic, in order, over as many requests as the broker's limits need.
    Result<std::vector<TopicOutcome>> create_topics(const std::vector<NewTopic>& topics,
                                                    bool validate_only);
    Result<std::vector<TopicOutcome>> delete_topics(const std::vector<std::string>& names);
    Result<std::vector<TopicOutcome>> grow_topics(const std::vector<NewTopic>& topics);

    Result<std::vector<TopicDescription>> list_topics();
    Result<TopicDescription> describe_topic(const std::string& name);
    Result<std::vector<PartitionOffsets>> topic_offsets(const std::string& name);
    Result<std::vector<OffsetAnswer>> list_offsets(const std::vector<OffsetQuery>& queries);

    Result<std::vector<DeletionOutcome>> delete_records(
            const std::vector<RecordDeletion>& deletions);
    Result<std::vector<DeletionOutcome>> expire_topic(const std::string& name);

    Result<std::vector<CompactionOutcome>> compact_topic(const std::string& name, bool wait);
    Result<PartitionVerification> verify_partition(const TopicPartition& partition);
    Result<StoredBatches> read_batches(const TopicPartition& partition,
                                       std::int64_t offset,
                                       std::uint32_t bytes_max);
    // One outcome.
    Result<std::vector<TopicOutcome>> restore_topic(const NewTopic& topic,
                                                    const std::string& staged);

    Result<std::vector<ConfigEntry>> config(ConfigOf whose,
                                            const std::string& topic,
                                            const std::vector<std::string>& keys);
    Result<void> alter_config(const std::string& topic,
                              const std::vector<ConfigChange>& changes,
                              bool validate_only);
    Result<ClusterDescription> describe_cluster();

private:
    std::shared_ptr<ClientCore> client_;  // Shared with every handle of the client.
};

}  // namespace millrace::detail
