// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "millrace/export.h"

#include <array>
#include <cstdint>
#include <string>
#include <tuple>

namespace millrace {

// Identity of a topic for life: one of the same name made later has another.
struct Uuid {
    std::array<std::uint8_t, 16> bytes{};

    // "0190a6c2-7b1e-4c55-9f0e-2f1f6c1f7a10"
    [[nodiscard]] MILLRACE_API std::string to_string() const;

    friend bool operator==(const Uuid& a, const Uuid& b) noexcept { return a.bytes == b.bytes; }

    friend bool operator!=(const Uuid& a, const Uuid& b) noexcept { return a.bytes != b.bytes; }
};

struct TopicPartition {
    std::string topic;
    std::uint32_t partition = 0;

    friend bool operator==(const TopicPartition& a, const TopicPartition& b) noexcept {
        return a.partition == b.partition && a.topic == b.topic;
    }

    friend bool operator!=(const TopicPartition& a, const TopicPartition& b) noexcept {
        return !(a == b);
    }

    friend bool operator<(const TopicPartition& a, const TopicPartition& b) noexcept {
        return std::tie(a.topic, a.partition) < std::tie(b.topic, b.partition);
    }
};

// How a producer compresses the records of a batch. Readers need not know: batches say it.
enum class Compression : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

// What an acknowledgement waits for, stronger than the topic's own class or ignored.
enum class Durability : std::uint8_t {
    topic = 0,    // What the topic says; a new topic says synced.
    memory = 1,   // The broker has it in memory: survives nothing.
    written = 2,  // Written to the device, not flushed: survives a crash of the broker.
    synced = 3,   // Flushed: survives loss of power.
};

// Which replicas must have a batch before it is acknowledged.
enum class Acks : std::int8_t {
    none = 0,  // No acknowledgement at all: the record may be lost without anybody hearing of it.
    one = 1,   // The leader.
    all = -1,  // Every in-sync replica.
};

// A place in a partition.
class Position {
public:
    enum class Kind : std::uint8_t { start, end, offset, before_end, time };

    Position() = default;  // start()

    static Position start() { return {}; }

    static Position end() { return {Kind::end, 0}; }

    static Position at(std::int64_t offset) { return {Kind::offset, offset}; }

    // `count` records before the end, or the start when there are fewer.
    static Position before_end(std::int64_t count) { return {Kind::before_end, count}; }

    // The first record whose timestamp is at or after this time (milliseconds since 1970 UTC).
    static Position at_time(std::int64_t timestamp_ms) { return {Kind::time, timestamp_ms}; }

    [[nodiscard]] Kind kind() const noexcept { return kind_; }

    [[nodiscard]] std::int64_t value() const noexcept { return value_; }

private:
    Position(Kind kind, std::int64_t value) : kind_(kind), value_(value) {}

    Kind kind_ = Kind::start;
    std::int64_t value_ = 0;
};

}  // namespace millrace
