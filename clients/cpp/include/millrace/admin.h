// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "millrace/client.h"
#include "millrace/export.h"
#include "millrace/result.h"
#include "millrace/types.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace {

namespace detail {
class AdminCore;
}

struct NewTopic {
    std::string name;
    std::uint32_t partitions = 0;  // 0: the broker's default.
    std::vector<std::pair<std::string, std::string>> config;
};

// What became of one topic of a call that names several.
struct TopicOutcome {
    std::string name;
    Uuid id;
    std::uint32_t partitions = 0;
    Error error;  // ErrorCode::none: done, and durable.
};

struct PartitionDescription {
    std::uint32_t partition = 0;
    std::int32_t leader = -1;  // Broker id; -1: none.
    std::int32_t leader_epoch = -1;
};

struct TopicDescription {
    std::string name;
    Uuid id;
    std::vector<PartitionDescription> partitions;  // In order of their numbers.
};

struct PartitionOffsets {
    std::uint32_t partition = 0;
    std::int64_t start_offset = 0;  // First still readable.
    std::int64_t end_offset = 0;    // One past the last visible record.
    std::uint64_t size_bytes = 0;
    Error error;
};

struct OffsetQuery {
    TopicPartition partition;
    Position position;
};

struct OffsetAnswer {
    TopicPartition partition;
    std::int64_t offset = -1;        // With Position::at_time: the end when nothing is that late.
    std::int64_t timestamp_ms = -1;  // Of the record found by time.
    Error error;
};

// Values of RecordDeletion::before that are no offsets.
inline constexpr std::int64_t kAllRecords = -1;      // All that are visible.
inline constexpr std::int64_t kExpiredRecords = -2;  // What the topic's retention keeps no longer.

struct RecordDeletion {
    TopicPartition partition;
    std::int64_t before = 0;  // First offset that stays, or one of the above.
};

struct DeletionOutcome {
    TopicPartition partition;
    std::int64_t start_offset = -1;  // First still readable; never goes back.
    std::uint32_t segments = 0;      // Whole ones that this took from the partition.
    std::uint64_t bytes = 0;         // Of those.
    Error error;
};

// What compaction made of the segments of one partition that it went over.
struct CompactionOutcome {
    TopicPartition partition;
    bool finished = false;  // Else it goes on, and the rest is not known yet.
    std::uint64_t segments_before = 0;
    std::uint64_t segments_after = 0;
    std::uint64_t records_before = 0;
    std::uint64_t records_after = 0;
    std::uint64_t bytes_before = 0;
    std::uint64_t bytes_after = 0;
    Error error;
};

// Stored records that cannot be read, or an index that does not agree with them.
struct DamagedRange {
    std::string file;  // Its name in the partition's folder.
    std::int64_t first_offset = -1;
    std::int64_t last_offset = -1;
    std::uint64_t position = 0;  // In the file: it is sound up to here.
    std::string reason;
};

struct PartitionVerification {
    TopicPartition partition;
    std::uint64_t segments = 0;
    std::uint64_t batches = 0;  // Right ones, and their records.
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    std::vector<DamagedRange> damaged;
    std::uint64_t damaged_in_all = 0;  // The broker lists only so many.
};

// Record batches as the log has them, byte for byte.
struct StoredBatches {
    std::string bytes;               // Whole ones; the first may begin below the offset asked for.
    std::int64_t start_offset = -1;  // Of the partition, as is the next.
    std::int64_t end_offset = -1;
};

enum class ConfigSource : std::uint8_t {
    default_value = 0,
    topic = 1,
    broker_file = 2,
    environment = 3,
    command_line = 4,
};

struct ConfigEntry {
    std::string key;
    std::string value;
    ConfigSource source = ConfigSource::default_value;
    std::string default_value;
    bool read_only = false;  // Set before the broker's start only.
    std::string documentation;
    std::string allowed;  // What a value must be: "one of memory, written, synced".
};

struct ConfigChange {
    std::string key;
    std::string value;
    bool remove = false;  // Back to the default; `value` is ignored.
};

struct BrokerDescription {
    std::int32_t id = 0;
    std::string host;
    std::uint16_t port = 0;
    std::string version;
};

struct ClusterDescription {
    Uuid id;
    std::int32_t controller = -1;
    std::vector<BrokerDescription> brokers;
    std::string io;  // Storage backend of the broker asked: "uring" or "threads".
    std::uint32_t shards = 0;
    std::uint32_t topics = 0;
    std::uint32_t partitions = 0;
};

// Questions and changes about topics, settings and the cluster.
//
// Lifecycle:   open, call. Cheap to make.
// Thread:      every call from any thread but the I/O thread; each waits for its answer, at most
//              ClientOptions::request_timeout.
// Durability:  a change that returned success is on disk.
// Errors:      of the call as a whole in the Result (unreachable, timed_out, disconnected: for a
//              change this means unknown), of single items in their rows. Retryable refusals are
//              tried again within the time-out, lost connections only where the call changes
//              nothing.
class MILLRACE_API Admin {
public:
    static Result<Admin> open(const Client& client);

    Admin(Admin&&) noexcept;
    Admin& operator=(Admin&&) noexcept;
    ~Admin();

    // One outcome per topic, in order.
    Result<std::vector<TopicOutcome>> create_topics(const std::vector<NewTopic>& topics,
                                                    bool validate_only = false);
    Result<std::vector<TopicOutcome>> delete_topics(const std::vector<std::string>& names);

    // Grows topics to new totals: `partitions` of each NewTopic, its config is ignored.
    Result<std::vector<TopicOutcome>> grow_topics(const std::vector<NewTopic>& topics);

    // The same for one topic; its error is the Result's.
    Result<TopicOutcome> create_topic(const NewTopic& topic, bool validate_only = false);
    Result<void> delete_topic(const std::string& name);
    Result<void> grow_topic(const std::string& name, std::uint32_t partitions);

    // In order of their names.
    Result<std::vector<TopicDescription>> list_topics();
    // Errors: unknown_topic.
    Result<TopicDescription> describe_topic(const std::string& name);

    // Every partition of the topic, in order.
    Result<std::vector<PartitionOffsets>> topic_offsets(const std::string& name);
    // One answer per query, in order.
    Result<std::vector<OffsetAnswer>> list_offsets(const std::vector<OffsetQuery>& queries);

    // Deletes records at the front of partitions, none of which is named twice. One outcome for
    // each, in order. Errors: offset_out_of_range when `before` lies above the end.
    Result<std::vector<DeletionOutcome>> delete_records(
            const std::vector<RecordDeletion>& deletions);
    // What the topic's retention keeps no longer, of every partition, now.
    Result<std::vector<DeletionOutcome>> expire_topic(const std::string& name);

    // Compacts every partition now, whatever the ratio of it that is dirty. With `wait` it returns
    // when all of them are finished, however long that takes; else at once, and they go on. Errors
    // of an outcome: invalid_config (the topic is not compacted), storage_full, damaged_range.
    Result<std::vector<CompactionOutcome>> compact_topic(const std::string& name, bool wait);

    // Has the broker read and check everything that is stored of a partition: one pass, in as many
    // requests as that takes. Damage is no error.
    Result<PartitionVerification> verify_partition(const TopicPartition& partition);

    // The batches from `offset` on, not opened: at least one, unless the offset is the end; beyond
    // that at most `bytes_max`. Errors: unknown_topic, unknown_partition, offset_out_of_range,
    // damaged_range.
    Result<StoredBatches> read_batches(const TopicPartition& partition,
                                       std::int64_t offset,
                                       std::uint32_t bytes_max = 8 * 1024 * 1024);

    // Makes a topic that begins with files which lie in restore/<staged> of the broker's data
    // directory, laid out as docs/log_format.md has it under "Backup"; with its partitions, and at
    // the same offsets. Their contents are not looked at. Errors: damaged_range (the files are not
    // what their checkpoint says; nothing was made), topic_exists, and those of create_topic.
    Result<TopicOutcome> restore_topic(const NewTopic& topic, const std::string& staged);

    Result<std::vector<ConfigEntry>> topic_config(const std::string& name,
                                                  const std::vector<std::string>& keys = {});
    // What holds for a topic that sets nothing.
    Result<std::vector<ConfigEntry>> topic_defaults(const std::vector<std::string>& keys = {});
    Result<std::vector<ConfigEntry>> broker_config(const std::vector<std::string>& keys = {});
    // All changes or none. Errors: invalid_config (names key and value), unknown_topic.
    Result<void> alter_topic_config(const std::string& name,
                                    const std::vector<ConfigChange>& changes,
                                    bool validate_only = false);

    Result<ClusterDescription> describe_cluster();

private:
    explicit Admin(std::shared_ptr<detail::AdminCore> core) noexcept;

    std::shared_ptr<detail::AdminCore> core_;
};

}  // namespace millrace
