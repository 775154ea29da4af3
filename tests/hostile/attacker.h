// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A client that does harm as fast as it can: spoiled frames and requests, half frames, floods,
// bombs, answers that nobody reads; what exactly, and how, comes from its seed.
//
// Thread:      one each.
#pragma once

#include "engine/types.h"
#include "tests/hostile/raw_client.h"
#include "tests/hostile/tables.h"

#include <array>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::testing {

class Attacker {
public:
    // `victim`: the partition that its requests name.
    Attacker(std::string address, const engine::PartitionKey& victim, std::uint64_t seed);

    // One attack. Throws when there is nobody to attack.
    void attack();

    struct Count {
        std::string_view name;
        std::uint64_t attacks = 0;
    };

    [[nodiscard]] std::vector<Count> counts() const;

private:
    struct Kind {
        std::string_view name;
        void (Attacker::*run)();
    };

    static const std::array<Kind, 11> kKinds;

    // Connections that have not said hello, that have, and one that is kept.
    [[nodiscard]] RawClient dial() const;
    [[nodiscard]] RawClient connect() const;
    void keep(RawClient client);
    [[nodiscard]] std::uint32_t below(std::uint32_t bound);

    void send_noise();
    void announce_a_wrong_length();
    void send_half_a_frame();
    void connect_and_vanish();
    void send_byte_by_byte();
    void send_spoiled_tables();
    void send_spoiled_batches();
    void send_a_bomb();
    void read_nothing();
    void open_sessions();
    void flood_with_requests();

    const std::string address_;
    const engine::PartitionKey victim_;
    std::mt19937_64 random_;
    std::vector<Sample> samples_;  // Such as change nothing even when a bit of them is another.
    std::vector<std::byte> bomb_;
    std::deque<RawClient> kept_;  // Left half way: the broker has to deal with them.
    std::array<std::uint64_t, 11> counts_{};
};

}  // namespace millrace::testing
