// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/config/config_keys.h"

#include "engine/units.h"

#include <limits>

namespace millrace::broker {

namespace {

constexpr std::int64_t kKiB = engine::kKiB;
constexpr std::int64_t kMiB = engine::kMiB;
constexpr std::int64_t kGiB = engine::kGiB;
constexpr std::int64_t kRequestBytesCap = 64 * kMiB;  // Of the wire format: frames are no larger.
constexpr std::int64_t kSecond = 1'000'000;           // Durations are checked in microseconds.
constexpr std::int64_t kDay = 86'400 * kSecond;

std::uint32_t as_u32(const KeyValue& value) {
    return static_cast<std::uint32_t>(value.number);
}

void store_io(NodeOptions& options, const KeyValue& value) {
    options.io = value.text == "uring"     ? engine::IoChoice::uring
                 : value.text == "threads" ? engine::IoChoice::threads
                                           : engine::IoChoice::automatic;
}

void store_commit(NodeOptions& options, const KeyValue& value) {
    options.commit = value.text == "ring"     ? engine::CommitMode::ring
                     : value.text == "thread" ? engine::CommitMode::thread
                                              : engine::CommitMode::automatic;
}

void store_log_level(NodeOptions& options, const KeyValue& value) {
    options.log_level = value.text == "debug"     ? engine::Level::debug
                        : value.text == "warning" ? engine::Level::warning
                        : value.text == "error"   ? engine::Level::error
                                                  : engine::Level::info;
}

void store_durability(NodeOptions& options, const KeyValue& value) {
    options.topic_defaults.durability = value.text == "memory"    ? engine::Durability::memory
                                        : value.text == "written" ? engine::Durability::written
                                                                  : engine::Durability::synced;
}

constexpr ConfigKey kKeys[] = {
        {"node.id",
         KeyType::integer,
         "1",
         "",
         0,
         std::numeric_limits<std::int32_t>::max(),
         "",
         "Number of this broker in its cluster.",
         [](NodeOptions& o, const KeyValue& v) {
             o.node_id = static_cast<std::int32_t>(v.number);
         }},
        {"node.data_dir",
         KeyType::text,
         "",
         "millrace below $XDG_STATE_HOME or ~/.local/state",
         0,
         0,
         "",
         "Where the data lie; a relative path begins at the file that names it.",
         [](NodeOptions& o, const KeyValue& v) { o.data_directory = v.text; }},
        {"node.shards",
         KeyType::integer,
         "",
         "one per core, at most 16",
         1,
         64,
         "",
         "Threads that each own a share of the partitions; may differ at every start.",
         [](NodeOptions& o, const KeyValue& v) { o.shards = as_u32(v); }},
        {"node.spin",
         KeyType::duration,
         "0s",
         "",
         0,
         1000,
         "",
         "How long an idle shard polls before it sleeps; 20us halves the latency of a lone client.",
         [](NodeOptions& o, const KeyValue& v) { o.spin = std::chrono::microseconds(v.number); }},
        {"node.lock_wait",
         KeyType::duration,
         "60s",
         "",
         0,
         3600 * kSecond,
         "",
         "How long a start waits for a data directory that another process still holds.",
         [](NodeOptions& o, const KeyValue& v) {
             o.lock_wait =
                     std::chrono::ceil<std::chrono::seconds>(std::chrono::microseconds(v.number));
         }},
        {"log.level",
         KeyType::choice,
         "info",
         "",
         0,
         0,
         "debug|info|warning|error",
         "The least important events that are logged.",
         store_log_level},
        {"listener.*.bind",
         KeyType::text,
         "127.0.0.1:9192",
         "",
         0,
         0,
         "",
         "HOST:PORT (port 0: any free one) or unix:PATH where clients connect.",
         nullptr},
        {"listener.*.advertise",
         KeyType::text,
         "",
         "the address the client dialled",
         0,
         0,
         "",
         "HOST:PORT that clients are told to use.",
         nullptr},
        {"http.bind",
         KeyType::text,
         "127.0.0.1:9180",
         "",
         0,
         0,
         "",
         "HOST:PORT or unix:PATH where metrics and health are served over HTTP; off: nowhere.",
         [](NodeOptions& o, const KeyValue& v) { o.http_bind = v.text; }},
        {"security.allow_unauthenticated",
         KeyType::boolean,
         "false",
         "",
         0,
         1,
         "",
         "Lets a listener be reached from other machines although nobody has to prove who he is.",
         [](NodeOptions& o, const KeyValue& v) { o.allow_unauthenticated = v.number != 0; }},
        {"engine.io",
         KeyType::choice,
         "auto",
         "",
         0,
         0,
         "auto|uring|threads",
         "How files are read and written; auto takes io_uring where the kernel allows it.",
         store_io},
        {"wal.bytes",
         KeyType::size,
         "",
         "512MiB, 10% of the file system, or 40% of memory.total",
         32 * kMiB,
         1024 * kGiB,
         "",
         "Size of the write-ahead log of all shards together; also bounds what is not yet in "
         "segments.",
         [](NodeOptions& o, const KeyValue& v) {
             o.wal_bytes = static_cast<std::uint64_t>(v.number);
         }},
        {"wal.commit",
         KeyType::choice,
         "auto",
         "",
         0,
         0,
         "auto|ring|thread",
         "How a group is flushed: with its write, or by a flush thread; auto asks the device.",
         store_commit},
        {"wal.groups_in_flight",
         KeyType::integer,
         "2",
         "",
         1,
         4,
         "",
         "Commit groups of one shard that are written at the same time.",
         [](NodeOptions& o, const KeyValue& v) { o.groups_in_flight = as_u32(v); }},
        {"memory.total",
         KeyType::size,
         "",
         "1GiB or 25% of the memory the process may use",
         96 * kMiB,
         1024 * kGiB,
         "",
         "Memory for buffers, tails and caches together.",
         [](NodeOptions& o, const KeyValue& v) {
             o.memory_total = static_cast<std::uint64_t>(v.number);
         }},
        {"network.request_bytes_max",
         KeyType::size,
         "16MiB",
         "",
         64 * kKiB,
         kRequestBytesCap,
         "",
         "Largest request that is taken.",
         [](NodeOptions& o, const KeyValue& v) { o.request_bytes_max = as_u32(v); }},
        {"network.requests_in_flight_max",
         KeyType::integer,
         "256",
         "",
         1,
         65'536,
         "",
         "Requests of one connection that may wait for their answers.",
         [](NodeOptions& o, const KeyValue& v) { o.requests_in_flight_max = as_u32(v); }},
        {"network.bytes_in_flight_max",
         KeyType::size,
         "32MiB",
         "",
         64 * kKiB,
         2 * kGiB,
         "",
         "Bytes of the requests of one connection that wait for their answers.",
         [](NodeOptions& o, const KeyValue& v) { o.bytes_in_flight_max = as_u32(v); }},
        {"network.connections_max",
         KeyType::integer,
         "10000",
         "",
         1,
         1'000'000,
         "",
         "Connections that are open at the same time.",
         [](NodeOptions& o, const KeyValue& v) { o.connections_max = as_u32(v); }},
        {"compaction.bytes_per_second",
         KeyType::size,
         "64MiB",
         "",
         64 * kKiB,
         1024 * kGiB,
         "",
         "What compaction may read and write in a second, over all partitions together.",
         [](NodeOptions& o, const KeyValue& v) {
             o.compaction_bytes_per_second = static_cast<std::uint64_t>(v.number);
         }},
        {"producer.expiration",
         KeyType::duration,
         "1d",
         "",
         60 * kSecond,
         365 * kDay,
         "",
         "How long an idempotent producer that sends nothing is known (producer.id.expiration.ms).",
         [](NodeOptions& o, const KeyValue& v) { o.producer_expiration_ms = v.number / 1000; }},
        {"scrub.bytes_per_second",
         KeyType::size,
         "16MiB",
         "",
         4096,
         64 * kGiB,
         "",
         "What the background verification of stored records reads at most, all shards together.",
         [](NodeOptions& o, const KeyValue& v) {
             o.scrub_bytes_per_second = static_cast<std::uint64_t>(v.number);
         }},
        {"scrub.interval",
         KeyType::duration,
         "7d",
         "",
         0,
         365 * kDay,
         "",
         "So often everything that is stored is verified in the background; 0: only when asked.",
         [](NodeOptions& o, const KeyValue& v) { o.scrub_interval_ms = v.number / 1000; }},
        {"topic.auto_create",
         KeyType::boolean,
         "false",
         "",
         0,
         1,
         "",
         "Makes a topic when somebody first asks for it.",
         [](NodeOptions& o, const KeyValue& v) { o.auto_create_topics = v.number != 0; }},
        {"topic.partitions",
         KeyType::integer,
         "1",
         "",
         1,
         100'000,
         "",
         "Partitions of a topic whose creator names no number.",
         [](NodeOptions& o, const KeyValue& v) { o.default_partitions = as_u32(v); }},
        {"topic.durability",
         KeyType::choice,
         "synced",
         "",
         0,
         0,
         "memory|written|synced",
         "What an acknowledgement waits for (durability of a topic that does not say).",
         store_durability},
        {"topic.max_message_bytes",
         KeyType::size,
         "1048588B",
         "",
         kKiB,
         64 * kMiB,
         "",
         "Largest record batch (max.message.bytes of a topic that does not say).",
         [](NodeOptions& o, const KeyValue& v) { o.topic_defaults.message_bytes_max = as_u32(v); }},
        {"topic.segment_bytes",
         KeyType::size,
         "1GiB",
         "",
         64 * kKiB,
         2 * kGiB - 1,
         "",
         "Size at which a segment is closed (segment.bytes of a topic that does not say).",
         [](NodeOptions& o, const KeyValue& v) {
             o.topic_defaults.segment_bytes = static_cast<std::uint64_t>(v.number);
         }},
        {"topic.segment_ms",
         KeyType::duration,
         "7d",
         "",
         kSecond,
         36'500 * kDay,
         "",
         "Age at which a segment is closed (segment.ms of a topic that does not say).",
         [](NodeOptions& o, const KeyValue& v) { o.topic_defaults.segment_ms = v.number / 1000; }},
        {"topic.index_interval_bytes",
         KeyType::size,
         "64KiB",
         "",
         4 * kKiB,
         kGiB,
         "",
         "Data between two index entries (index.interval.bytes of a topic that does not say).",
         [](NodeOptions& o, const KeyValue& v) {
             o.topic_defaults.index_interval_bytes = as_u32(v);
         }},
        {"topic.message_timestamp_type",
         KeyType::choice,
         "CreateTime",
         "",
         0,
         0,
         "CreateTime|LogAppendTime",
         "Whose clock stamps records (message.timestamp.type of a topic that does not say).",
         [](NodeOptions& o, const KeyValue& v) {
             o.topic_defaults.log_append_time = v.text == "LogAppendTime";
         }},
        {"topic.message_timestamp_after_max_ms",
         KeyType::duration,
         "1h",
         "",
         0,
         kNoMaximum,
         "",
         "How far ahead a timestamp may be (message.timestamp.after.max.ms of a topic that does "
         "not say).",
         [](NodeOptions& o, const KeyValue& v) {
             o.topic_defaults.timestamp_after_max_ms = v.number / 1000;
         }},
        {"topic.message_timestamp_before_max_ms",
         KeyType::duration,
         "",
         "no bound",
         0,
         kNoMaximum,
         "",
         "How far back a timestamp may be (message.timestamp.before.max.ms of a topic that does "
         "not say).",
         [](NodeOptions& o, const KeyValue& v) {
             o.topic_defaults.timestamp_before_max_ms = v.number / 1000;
         }},
};

constexpr std::string_view kListener = "listener.";

}  // namespace

std::span<const ConfigKey> config_keys() {
    return kKeys;
}

std::string_view listener_of(std::string_view name) {
    if (!name.starts_with(kListener)) return {};
    const auto rest = name.substr(kListener.size());
    const auto dot = rest.rfind('.');
    return dot == std::string_view::npos ? std::string_view{} : rest.substr(0, dot);
}

const ConfigKey* find_key(std::string_view name) {
    std::string generic;
    if (const auto listener = listener_of(name); !listener.empty()) {
        generic = "listener.*" + std::string(name.substr(kListener.size() + listener.size()));
        name = generic;
    }
    for (const auto& key : kKeys) {
        if (key.name == name) return &key;
    }
    return nullptr;
}

}  // namespace millrace::broker
