// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What one shard counted since its start, and how things stand on it, copied at one moment: the
// matter of the metrics page. All sums only rise; the names are those of the page's labels.
#pragma once

#include "engine/engine.h"
#include "engine/histogram.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::broker {

struct ApiSample {
    std::string_view api;
    std::uint64_t answered = 0;
    std::uint64_t refused = 0;  // The answer was an error as a whole.
    std::uint64_t request_bytes = 0;
    std::uint64_t response_bytes = 0;
    engine::DurationHistogram total;  // From the whole frame to the answer in the send queue.
    engine::DurationHistogram log;    // Of a produce: until its records are as durable as asked.
    // By name; of the whole answer or of one of its rows.
    std::vector<std::pair<std::string_view, std::uint64_t>> errors;
};

// Records and bytes of batches, as clients sent and got them.
struct Traffic {
    std::uint64_t records_in = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t records_out = 0;
    std::uint64_t bytes_out = 0;

    Traffic& operator+=(const Traffic& other) noexcept {
        records_in += other.records_in;
        bytes_in += other.bytes_in;
        records_out += other.records_out;
        bytes_out += other.bytes_out;
        return *this;
    }
};

struct PartitionSample {
    std::uint32_t partition = 0;
    std::int64_t start_offset = 0;
    std::int64_t end_offset = 0;
    std::uint64_t size_bytes = 0;
    std::uint32_t segments = 0;
};

struct TopicSample {
    std::string name;
    std::uint32_t partitions = 0;  // Of this shard.
    Traffic traffic{};
    std::uint64_t size_bytes = 0;
    std::uint64_t segments = 0;
    std::vector<PartitionSample> details{};  // Empty unless they were asked for.
};

struct ConnectionSample {
    std::string_view listener;
    std::uint64_t accepted = 0;
    std::uint64_t open = 0;
    std::uint64_t cut_off = 0;  // Closed by the broker, for what they sent or did not send.
};

struct LoopSample {
    engine::DurationHistogram turns;  // What became ready during a turn waited for its end.
    std::chrono::nanoseconds busy{0};
};

struct ShardSample {
    std::uint32_t shard = 0;
    LoopSample loop;
    engine::ShardCounters engine;
    engine::RingCounters ring;
    std::uint64_t storage_operations = 0;  // In flight.
    std::uint64_t append_room = 0;         // Bytes.
    std::uint64_t parked_bytes = 0;        // Of appends that wait for room.
    bool storage_full = false;
    std::vector<ConnectionSample> connections;
    std::vector<ApiSample> apis;
    std::vector<TopicSample> topics;  // In order of their names.
};

// The rest of a sample that would hold up a shard's loop if it were taken in one turn.
class SampleWalk {
public:
    virtual ~SampleWalk() = default;
    SampleWalk(const SampleWalk&) = delete;
    SampleWalk& operator=(const SampleWalk&) = delete;

    // A turn's worth of it. True: that was all.
    [[nodiscard]] virtual bool step(ShardSample& sample) = 0;

protected:
    SampleWalk() = default;
};

enum class SampleDetail : std::uint8_t {
    none,  // No topics: what health checks need.
    topics,
    partitions,
};

}  // namespace millrace::broker
