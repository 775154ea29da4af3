// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "millrace/admin.h"

#include "admin/admin_core.h"

namespace millrace {

namespace {

// The only outcome of a call about one topic, its error taken out.
Result<TopicOutcome> only(Result<std::vector<TopicOutcome>> outcomes) {
    if (!outcomes) return outcomes.error();
    auto& outcome = outcomes->front();
    if (outcome.error.code != ErrorCode::none) return outcome.error;
    return std::move(outcome);
}

Error no_topic_name() {
    return {ErrorCode::invalid_topic_name, "The topic's name is empty."};
}

}  // namespace

Admin::Admin(std::shared_ptr<detail::AdminCore> core) noexcept : core_(std::move(core)) {}

Admin::Admin(Admin&&) noexcept = default;
Admin& Admin::operator=(Admin&&) noexcept = default;
Admin::~Admin() = default;

Result<Admin> Admin::open(const Client& client) {
    return Admin(std::make_shared<detail::AdminCore>(client.core_));
}

Result<std::vector<TopicOutcome>> Admin::create_topics(const std::vector<NewTopic>& topics,
                                                       bool validate_only) {
    return core_->create_topics(topics, validate_only);
}

Result<std::vector<TopicOutcome>> Admin::delete_topics(const std::vector<std::string>& names) {
    return core_->delete_topics(names);
}

Result<std::vector<TopicOutcome>> Admin::grow_topics(const std::vector<NewTopic>& topics) {
    return core_->grow_topics(topics);
}

Result<TopicOutcome> Admin::create_topic(const NewTopic& topic, bool validate_only) {
    return only(core_->create_topics({topic}, validate_only));
}

Result<void> Admin::delete_topic(const std::string& name) {
    const auto outcome = only(core_->delete_topics({name}));
    if (!outcome) return outcome.error();
    return {};
}

Result<void> Admin::grow_topic(const std::string& name, std::uint32_t partitions) {
    const auto outcome = only(core_->grow_topics({{name, partitions, {}}}));
    if (!outcome) return outcome.error();
    return {};
}

Result<std::vector<TopicDescription>> Admin::list_topics() {
    return core_->list_topics();
}

Result<TopicDescription> Admin::describe_topic(const std::string& name) {
    if (name.empty()) return no_topic_name();
    return core_->describe_topic(name);
}

Result<std::vector<PartitionOffsets>> Admin::topic_offsets(const std::string& name) {
    if (name.empty()) return no_topic_name();
    return core_->topic_offsets(name);
}

Result<std::vector<OffsetAnswer>> Admin::list_offsets(const std::vector<OffsetQuery>& queries) {
    return core_->list_offsets(queries);
}

Result<std::vector<DeletionOutcome>> Admin::delete_records(
        const std::vector<RecordDeletion>& deletions) {
    return core_->delete_records(deletions);
}

Result<std::vector<DeletionOutcome>> Admin::expire_topic(const std::string& name) {
    if (name.empty()) return no_topic_name();
    return core_->expire_topic(name);
}

Result<std::vector<CompactionOutcome>> Admin::compact_topic(const std::string& name, bool wait) {
    if (name.empty()) return no_topic_name();
    return core_->compact_topic(name, wait);
}

Result<PartitionVerification> Admin::verify_partition(const TopicPartition& partition) {
    if (partition.topic.empty()) return no_topic_name();
    return core_->verify_partition(partition);
}

Result<StoredBatches> Admin::read_batches(const TopicPartition& partition,
                                          std::int64_t offset,
                                          std::uint32_t bytes_max) {
    if (partition.topic.empty()) return no_topic_name();
    return core_->read_batches(partition, offset, bytes_max);
}

Result<TopicOutcome> Admin::restore_topic(const NewTopic& topic, const std::string& staged) {
    if (topic.name.empty()) return no_topic_name();
    return only(core_->restore_topic(topic, staged));
}

Result<std::vector<ConfigEntry>> Admin::topic_config(const std::string& name,
                                                     const std::vector<std::string>& keys) {
    if (name.empty()) return no_topic_name();
    return core_->config(detail::ConfigOf::topic, name, keys);
}

Result<std::vector<ConfigEntry>> Admin::topic_defaults(const std::vector<std::string>& keys) {
    return core_->config(detail::ConfigOf::topic, {}, keys);
}

Result<std::vector<ConfigEntry>> Admin::broker_config(const std::vector<std::string>& keys) {
    return core_->config(detail::ConfigOf::broker, {}, keys);
}

Result<void> Admin::alter_topic_config(const std::string& name,
                                       const std::vector<ConfigChange>& changes,
                                       bool validate_only) {
    if (name.empty()) return no_topic_name();
    return core_->alter_config(name, changes, validate_only);
}

Result<ClusterDescription> Admin::describe_cluster() {
    return core_->describe_cluster();
}

}  // namespace millrace
