// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/api_table.h"

#include "broker/request/handlers/append_atomic.h"
#include "broker/request/handlers/cluster.h"
#include "broker/request/handlers/compact_records.h"
#include "broker/request/handlers/configs.h"
#include "broker/request/handlers/delete_records.h"
#include "broker/request/handlers/fetch.h"
#include "broker/request/handlers/hello.h"
#include "broker/request/handlers/init_producer.h"
#include "broker/request/handlers/metadata.h"
#include "broker/request/handlers/partition_queries.h"
#include "broker/request/handlers/produce.h"
#include "broker/request/handlers/topics.h"
#include "broker/request/handlers/unsupported.h"
#include "broker/request/handlers/verify_records.h"

namespace millrace::broker {
namespace {

using wire::Api;
using enum Operation;
constexpr auto kSession = ResourceType::session;
constexpr auto kCluster = ResourceType::cluster;
constexpr auto kTopic = ResourceType::topic;
constexpr auto kBefore = Admission::before_authentication;
constexpr auto kAfter = Admission::after_authentication;

// clang-format off
constexpr ApiRow kTable[kApiCount] = {
    {Api::hello,            "hello",            1, 1, &handle_hello,            open,             kSession, kBefore},
    {Api::authenticate,     "authenticate",     1, 1, &handle_authenticate,     open,             kSession, kBefore},
    {Api::describe_cluster, "describe_cluster", 1, 1, &handle_describe_cluster, describe,         kCluster, kAfter},
    {Api::metadata,         "metadata",         1, 1, &handle_metadata,         describe,         kTopic,   kAfter},
    {Api::describe_configs, "describe_configs", 1, 1, &handle_describe_configs, describe_configs, kTopic,   kAfter},
    {Api::alter_configs,    "alter_configs",    1, 1, &handle_alter_configs,    alter_configs,    kTopic,   kAfter},
    {Api::create_topics,    "create_topics",    1, 1, &handle_create_topics,    create,           kTopic,   kAfter},
    {Api::delete_topics,    "delete_topics",    1, 1, &handle_delete_topics,    remove,           kTopic,   kAfter},
    {Api::create_partitions, "create_partitions", 1, 1, &handle_create_partitions, alter,         kTopic,   kAfter},
    {Api::delete_records,   "delete_records",   1, 1, &handle_delete_records,   remove,           kTopic,   kAfter},
    {Api::compact_records,  "compact_records",  1, 1, &handle_compact_records,  alter,            kTopic,   kAfter},
    {Api::verify_records,   "verify_records",   1, 1, &handle_verify_records,   read,             kTopic,   kAfter},
    {Api::restore_topic,    "restore_topic",    1, 1, &handle_restore_topic,    create,           kTopic,   kAfter},
    {Api::produce,          "produce",          1, 1, &handle_produce,          write,            kTopic,   kAfter},
    {Api::fetch,            "fetch",            1, 1, &handle_fetch,            read,             kTopic,   kAfter},
    {Api::list_offsets,     "list_offsets",     1, 1, &handle_list_offsets,     describe,         kTopic,   kAfter},
    {Api::offset_for_leader_epoch, "offset_for_leader_epoch", 1, 1, &handle_offset_for_leader_epoch, describe, kTopic, kAfter},
    {Api::append_atomic,    "append_atomic",    1, 1, &handle_append_atomic,    write,            kTopic,   kAfter},
    {Api::init_producer,    "init_producer",    1, 1, &handle_init_producer,    write,            kCluster, kAfter},
};

// clang-format on

constexpr const ApiRow* find(Api api) {
    for (const auto& row : kTable) {
        if (row.api == api) return &row;
    }
    return nullptr;
}

// A new number without a row does not build: the switch misses it, or the assertion fails.
constexpr bool has_row(Api api) {
    switch (api) {
        case Api::hello:
        case Api::authenticate:
        case Api::describe_cluster:
        case Api::metadata:
        case Api::describe_configs:
        case Api::alter_configs:
        case Api::create_topics:
        case Api::delete_topics:
        case Api::create_partitions:
        case Api::delete_records:
        case Api::compact_records:
        case Api::verify_records:
        case Api::restore_topic:
        case Api::produce:
        case Api::fetch:
        case Api::list_offsets:
        case Api::offset_for_leader_epoch:
        case Api::append_atomic:
        case Api::init_producer:
            return find(api) != nullptr;
    }
    return true;  // No API at all.
}

constexpr bool every_api_has_a_row() {
    for (std::uint16_t number = 0; number < 1024; ++number) {
        if (!has_row(static_cast<Api>(number))) return false;
    }
    return true;
}

constexpr bool is_sorted() {
    for (std::size_t row = 1; row < kApiCount; ++row) {
        if (kTable[row - 1].api >= kTable[row].api) return false;
    }
    return true;
}

static_assert(every_api_has_a_row());
static_assert(is_sorted());

}  // namespace

std::span<const ApiRow, kApiCount> api_table() noexcept {
    return kTable;
}

const ApiRow* find_api(std::uint16_t api) noexcept {
    return find(static_cast<Api>(api));
}

}  // namespace millrace::broker
