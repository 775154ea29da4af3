// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Numbers of the APIs. Never renumbered, never reused.
#pragma once

#include <cstdint>

namespace millrace::wire {

enum class Api : std::uint16_t {
    hello = 1,
    authenticate = 2,

    describe_cluster = 10,
    metadata = 11,
    describe_configs = 12,
    alter_configs = 13,

    create_topics = 20,
    delete_topics = 21,
    create_partitions = 22,
    delete_records = 23,
    compact_records = 24,
    verify_records = 25,
    restore_topic = 26,

    produce = 30,
    fetch = 31,
    list_offsets = 32,
    offset_for_leader_epoch = 33,
    append_atomic = 34,

    init_producer = 40,
};

}  // namespace millrace::wire
