// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What the log of a partition has to answer, in the plainest words: a list of batches in memory.
// It knows nothing of segments, tails, indexes, checkpoints and snapshots.
#pragma once

#include "engine/log.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace millrace::testing {

// One batch as somebody sends it.
struct SentBatch {
    std::vector<std::byte> bytes = {};
    std::vector<engine::TimestampMs> times = {};  // One for each record.
    std::int64_t producer = -1;
    std::int16_t epoch = -1;
    std::int32_t sequence = -1;

    [[nodiscard]] std::int32_t records() const { return static_cast<std::int32_t>(times.size()); }
};

class LogModel {
public:
    struct Appended {
        std::optional<engine::Errc> refused = {};
        bool duplicate = false;
        std::int64_t base = 0;
        std::int64_t end = 0;

        bool operator==(const Appended&) const = default;
    };

    struct Found {
        std::int64_t offset = -1;
        engine::TimestampMs timestamp = -1;
        engine::LeaderEpoch epoch = -1;

        bool operator==(const Found&) const = default;
    };

    // All of them or none; one alone if it has a producer.
    Appended append(const std::vector<SentBatch>& batches, engine::TimestampMs now);

    // False: there is no such offset.
    [[nodiscard]] bool delete_before(std::int64_t offset);

    // The log deleted by itself. Empty: it was allowed to; else what is wrong with it.
    [[nodiscard]] std::string expired_to(std::int64_t start);

    // Empty: `read`, from `from` on, is right; else what is wrong with it.
    [[nodiscard]] std::string check_read(std::int64_t from,
                                         std::uint32_t bytes_max,
                                         engine::Bytes read,
                                         std::int64_t next) const;

    // The first record at or above the timestamp, below `limit`.
    [[nodiscard]] Found look_up(engine::TimestampMs timestamp, std::int64_t limit) const;

    [[nodiscard]] engine::EpochEnd epoch_end(engine::LeaderEpoch epoch) const;

    // Another run.
    void restarted(bool unclean);

    // Somebody with a producer id comes. A run reads what it knows of producers when the first one
    // does: what was deleted before that, nobody can know any more.
    void read_producers();

    // The number of the next batch of a producer, and the last ones it may repeat.
    struct Producer {
        std::int16_t epoch = 0;
        std::int32_t next = 0;

        struct Sent {
            std::int32_t sequence = 0;
            std::int64_t base = 0;
            std::int64_t end = 0;
        };

        std::vector<Sent> last = {};  // Five at most, of this epoch.
        std::size_t sent = 0;         // In this epoch.
    };

    [[nodiscard]] std::int64_t start() const { return start_; }

    [[nodiscard]] std::int64_t end() const;

    [[nodiscard]] std::uint64_t bytes_from(std::int64_t start) const;

    engine::LogConfig config;
    engine::LeaderEpoch leader_epoch = 0;
    std::map<std::int64_t, Producer> producers;

private:
    struct Batch {
        std::int64_t base = 0;
        std::int64_t end = 0;
        engine::LeaderEpoch epoch = 0;
        std::vector<std::byte> bytes;  // As stored.
        std::vector<engine::TimestampMs> times;
    };

    [[nodiscard]] std::optional<engine::Errc> wrong_with(const std::vector<SentBatch>& batches,
                                                         engine::TimestampMs now) const;
    [[nodiscard]] std::optional<Appended> known(const SentBatch& sent) const;
    void remember(const SentBatch& sent, std::int64_t base);
    void start_at(std::int64_t offset);

    std::vector<Batch> batches_;  // Those with a record at or above the start.
    std::map<engine::LeaderEpoch, std::int64_t> epochs_;  // With records; where they begin.
    std::int64_t start_ = 0;
    std::int64_t end_ = 0;
    bool producers_unread_ = false;
};

}  // namespace millrace::testing
