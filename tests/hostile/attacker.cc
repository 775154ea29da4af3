// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/attacker.h"

#include "engine/format/compression.h"
#include "tests/engine/format/batch_bytes.h"

#include <algorithm>

namespace millrace::testing {
namespace {

using engine::store_big;
namespace batch_at = engine::batch_at;

constexpr std::size_t kKeptMax = 200;
constexpr std::uint32_t kBurst = 64;
constexpr std::size_t kBombBytes = 64U << 20;

bool changes_something(std::string_view api) {
    return api == "alter_configs" || api == "create_topics" || api == "delete_topics" ||
           api == "create_partitions" || api == "delete_records" || api == "compact_records";
}

// Half a megabyte at most, that become one record of kBombBytes.
std::vector<std::byte> make_bomb() {
    const auto plain = batch_of({std::string(kBombBytes, 'x')});
    std::vector<std::byte> records;
    engine::compress(
            engine::Codec::zstd, engine::Bytes(plain).subspan(engine::kBatchHeaderBytes), records)
            .value();
    auto batch = batch_of({""});
    batch.resize(engine::kBatchHeaderBytes);
    batch.insert(batch.end(), records.begin(), records.end());
    store_big(batch.data() + batch_at::kBatchLength,
              static_cast<std::int32_t>(batch.size() - engine::kBatchPrefixBytes));
    store_big(batch.data() + batch_at::kAttributes,
              static_cast<std::uint16_t>(engine::Codec::zstd));
    engine::testing::renew_checksum(batch);
    return batch;
}

}  // namespace

const std::array<Attacker::Kind, 11> Attacker::kKinds{{
        {"noise", &Attacker::send_noise},
        {"wrong lengths", &Attacker::announce_a_wrong_length},
        {"half frames", &Attacker::send_half_a_frame},
        {"vanishing", &Attacker::connect_and_vanish},
        {"byte by byte", &Attacker::send_byte_by_byte},
        {"spoiled tables", &Attacker::send_spoiled_tables},
        {"spoiled batches", &Attacker::send_spoiled_batches},
        {"bombs", &Attacker::send_a_bomb},
        {"never reading", &Attacker::read_nothing},
        {"sessions", &Attacker::open_sessions},
        {"floods", &Attacker::flood_with_requests},
}};

Attacker::Attacker(std::string address, const engine::PartitionKey& victim, std::uint64_t seed)
        : address_(std::move(address)), victim_(victim), random_(seed), bomb_(make_bomb()) {
    for (auto& sample : samples(victim)) {
        if (!changes_something(sample.name)) samples_.push_back(std::move(sample));
    }
}

void Attacker::attack() {
    const auto kind = below(static_cast<std::uint32_t>(kKinds.size()));
    ++counts_[kind];
    (this->*kKinds[kind].run)();
}

std::vector<Attacker::Count> Attacker::counts() const {
    std::vector<Count> counts;
    for (std::size_t kind = 0; kind < kKinds.size(); ++kind)
        counts.push_back({kKinds[kind].name, counts_[kind]});
    return counts;
}

RawClient Attacker::dial() const {
    return RawClient(address_);
}

RawClient Attacker::connect() const {
    auto client = dial();
    static_cast<void>(client.ask(hello_request()));
    return client;
}

void Attacker::keep(RawClient client) {
    kept_.push_back(std::move(client));
    if (kept_.size() > kKeptMax) kept_.pop_front();
}

std::uint32_t Attacker::below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(random_() % bound);
}

void Attacker::send_noise() {
    std::vector<std::byte> noise(1 + below(4096));
    for (auto& byte : noise)
        byte = static_cast<std::byte>(random_());
    dial().write(noise);
}

void Attacker::announce_a_wrong_length() {
    auto header = hello_request().header;
    header.frame_bytes = static_cast<std::uint32_t>(random_());
    dial().write(bytes_of(header));
}

void Attacker::send_half_a_frame() {
    auto client = connect();
    const auto bytes = bytes_of(samples_[below(static_cast<std::uint32_t>(samples_.size()))].frame);
    client.write(engine::Bytes(bytes).first(below(static_cast<std::uint32_t>(bytes.size()))));
    keep(std::move(client));
}

void Attacker::connect_and_vanish() {
    for (int i = 0; i < 16; ++i)
        dial().reset();
}

void Attacker::send_byte_by_byte() {
    auto client = dial();
    for (const auto byte : bytes_of(hello_request()))
        client.write(engine::Bytes(&byte, 1));
}

void Attacker::send_spoiled_tables() {
    auto client = connect();
    for (std::uint32_t i = 0; i < kBurst; ++i) {
        auto frame = copy_of(samples_[below(static_cast<std::uint32_t>(samples_.size()))].frame);
        for (auto flips = 1 + below(8); flips > 0 && frame.table_bytes > 0; --flips) {
            const auto at = below(static_cast<std::uint32_t>(frame.table_bytes));
            table_of(frame)[at] ^= static_cast<std::byte>(1U << below(8));
        }
        if (!client.write(frame)) return;
        static_cast<void>(client.read_ready());
    }
}

void Attacker::send_spoiled_batches() {
    auto client = connect();
    for (std::uint32_t i = 0; i < kBurst; ++i) {
        auto batch = batch_of({std::string(below(2000), 'v')});
        batch[below(static_cast<std::uint32_t>(batch.size()))] ^= std::byte{0x10};
        if (below(2) == 0) engine::testing::renew_checksum(batch);
        if (!client.write(produce_request({{victim_, batch}}))) return;
        static_cast<void>(client.read_ready());
    }
}

void Attacker::send_a_bomb() {
    auto client = connect();
    client.write(produce_request({{victim_, bomb_}}));
    // Opens it.
    client.write(list_offsets_request(victim_, 1'700'000'000'000));
    static_cast<void>(client.read());
}

void Attacker::read_nothing() {
    auto client = connect();
    client.shrink_receive_buffer();
    for (std::uint32_t i = 0; i < kBurst; ++i) {
        const auto bytes = bytes_of(fetch_request({{victim_}}, {.wait_max_ms = 0}));
        if (client.write_some(bytes) < bytes.size()) break;
    }
    keep(std::move(client));
}

void Attacker::open_sessions() {
    auto client = connect();
    for (std::uint32_t i = 0; i < kBurst; ++i)
        client.write(fetch_request({{victim_}}, {.session_epoch = 0, .wait_max_ms = 30'000}));
    keep(std::move(client));
}

void Attacker::flood_with_requests() {
    auto client = connect();
    const auto bytes = bytes_of(samples_[below(static_cast<std::uint32_t>(samples_.size()))].frame);
    for (std::uint32_t i = 0; i < 16 * kBurst; ++i) {
        if (client.write_some(bytes) < bytes.size()) break;
        if (i % kBurst == 0) static_cast<void>(client.read_ready());
    }
}

}  // namespace millrace::testing
