// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The words of the engine as types, so that a record number is never taken for a byte position.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace millrace::engine {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

// An integer with a meaning. Adding a count keeps the meaning; subtracting two gives a count.
template <class Tag>
struct Quantity {
    std::int64_t value = 0;

    constexpr Quantity() = default;

    constexpr explicit Quantity(std::int64_t v) : value(v) {}

    constexpr auto operator<=>(const Quantity&) const = default;

    constexpr Quantity operator+(std::int64_t count) const { return Quantity(value + count); }

    constexpr Quantity operator-(std::int64_t count) const { return Quantity(value - count); }

    constexpr std::int64_t operator-(Quantity other) const { return value - other.value; }

    constexpr Quantity& operator+=(std::int64_t count) {
        value += count;
        return *this;
    }
};

using Offset = Quantity<struct OffsetTag>;              // Number of a record in its partition.
using FilePosition = Quantity<struct FilePositionTag>;  // Byte in a file.

using LeaderEpoch = std::int32_t;
using TimestampMs = std::int64_t;  // Milliseconds since 1970 UTC; -1: none.
using Sequence = std::uint64_t;    // Number of a commit group in its WAL directory, from 1.

// UUID of a topic: its identity for life. A recreated topic of the same name has another.
struct TopicId {
    std::array<std::uint8_t, 16> bytes{};

    constexpr auto operator<=>(const TopicId&) const = default;
};

// The broker's own metadata log: partition 0 of this topic, always on shard 0.
inline constexpr TopicId kMetadataTopic{
        {'m', 'i', 'l', 'l', 'r', 'a', 'c', 'e', 0, 0, 0, 0, 0, 0, 0, 1}};

struct PartitionKey {
    TopicId topic;
    std::uint32_t partition = 0;

    constexpr auto operator<=>(const PartitionKey&) const = default;
};

// FNV-1a 64 over topic id and partition (little endian); it also chooses the shard, so it is
// part of no format: the number of shards may change at every start.
constexpr std::uint64_t hash_of(const PartitionKey& key) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    const auto mix = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3U; };
    for (const auto byte : key.topic.bytes)
        mix(byte);
    for (unsigned shift = 0; shift < 32; shift += 8) {
        mix(static_cast<std::uint8_t>(key.partition >> shift));
    }
    return hash;
}

constexpr std::uint32_t shard_of(const PartitionKey& key, std::uint32_t shards) {
    if (key.topic == kMetadataTopic) return 0;
    return static_cast<std::uint32_t>(hash_of(key) % shards);
}

// What an acknowledgement waits for.
enum class Durability : std::uint8_t {
    memory,   // The broker has it in memory: survives nothing.
    written,  // Its group and all before it were written to the device: survives a process crash.
    synced,   // Its group and all before it are flushed: survives power loss.
};

}  // namespace millrace::engine

template <>
struct std::hash<millrace::engine::PartitionKey> {
    std::size_t operator()(const millrace::engine::PartitionKey& key) const noexcept {
        return millrace::engine::hash_of(key);
    }
};

template <>
struct std::hash<millrace::engine::TopicId> {
    std::size_t operator()(const millrace::engine::TopicId& id) const noexcept {
        return millrace::engine::hash_of({id, 0});
    }
};
