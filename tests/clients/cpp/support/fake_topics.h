// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Topics of the fake broker: batches in memory, and the answers about them.
#pragma once

#include "engine/types.h"
#include "millrace/types.h"
#include "schemas/wire/errors.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace millrace::wire {
struct FetchRequest;
}

namespace millrace::testing {

struct FakeAnswer;
struct FakeRequest;

struct FakePartition {
    std::vector<std::vector<std::byte>> batches;  // With their offsets.
    std::int64_t start = 0;
    std::int64_t end = 0;
    wire::ErrorCode produce_error = wire::ErrorCode::none;
    wire::ErrorCode fetch_error = wire::ErrorCode::none;
    std::uint32_t batch_bytes_max = 1U << 30;

    // Gives the batch its offset.
    std::int64_t append(engine::Bytes batch);
};

struct FakeTopic {
    Uuid id;
    std::vector<FakePartition> partitions;
};

class FakeTopics {
public:
    FakeTopic& create(const std::string& name, std::uint32_t partitions);

    void remove(const std::string& name) { topics_.erase(name); }

    [[nodiscard]] FakeTopic& topic(const std::string& name) { return topics_.at(name); }

    [[nodiscard]] FakePartition& partition(const std::string& name, std::uint32_t partition) {
        return topic(name).partitions.at(partition);
    }

    // Every fetch session is forgotten, as after a restart.
    void forget_sessions() { sessions_.clear(); }

    FakeAnswer metadata(const FakeRequest& request);
    FakeAnswer produce(const FakeRequest& request);
    FakeAnswer list_offsets(const FakeRequest& request);
    FakeAnswer create_topics(const FakeRequest& request);
    // Nothing while there is nothing to say: the fetch waits.
    std::optional<FakeAnswer> fetch(const FakeRequest& request);

private:
    struct Wanted {
        std::int64_t offset = 0;
        std::uint32_t bytes_max = 0;
    };

    using Key = std::pair<std::array<std::uint8_t, 16>, std::uint32_t>;

    struct Session {
        std::map<Key, Wanted> partitions;
        std::uint32_t next_epoch = 1;
    };

    static bool apply(const wire::FetchRequest& request, Session& session);
    [[nodiscard]] FakePartition* find(const Uuid& id, std::uint32_t partition);

    std::map<std::string, FakeTopic> topics_;
    std::map<std::uint32_t, Session> sessions_;
    std::map<std::pair<std::uint64_t, std::uint32_t>, std::uint32_t>
            waiting_;  // Request -> session.
    std::uint32_t next_session_ = 1;
    std::uint8_t next_id_ = 1;
};

}  // namespace millrace::testing
