// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/atomic_entry.h"

#include "engine/format/wal_entry.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace millrace::engine {
namespace {

constexpr TopicId kTopic{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

std::vector<std::byte> bytes_of(std::string_view text) {
    const auto* data = reinterpret_cast<const std::byte*>(text.data());
    return {data, data + text.size()};
}

// Two parts, "abc" and "de".
std::vector<std::byte> entry() {
    std::vector<std::byte> payload(atomic_table_bytes(2));
    store_atomic_head(payload.data(), 2);
    store_atomic_row(payload.data(), 0, {kTopic, 3}, 3);
    store_atomic_row(payload.data(), 1, {kTopic, 7}, 2);
    const auto batches = bytes_of("abcde");
    payload.insert(payload.end(), batches.begin(), batches.end());
    return payload;
}

std::vector<std::byte> with(std::size_t at, std::uint32_t number) {
    auto payload = entry();
    std::memcpy(payload.data() + at, &number, sizeof number);
    return payload;
}

TEST(AtomicEntry, IsReadAsItWasWritten) {
    const auto payload = entry();
    const auto parts = read_atomic_entry(payload);
    ASSERT_TRUE(parts);
    ASSERT_EQ(parts->size(), 2U);
    EXPECT_EQ((*parts)[0].key, (PartitionKey{kTopic, 3}));
    EXPECT_EQ((*parts)[1].key, (PartitionKey{kTopic, 7}));
    EXPECT_EQ((*parts)[0].batches.data(), payload.data() + 56);
    EXPECT_EQ((*parts)[0].batches.size(), 3U);
    EXPECT_EQ((*parts)[1].batches.data(), payload.data() + 59);
    EXPECT_EQ((*parts)[1].batches.size(), 2U);
}

// The example of docs/log_format.md.
TEST(AtomicEntry, HasTheDocumentedBytes) {
    std::vector<std::byte> bytes(kEntryHeaderBytes);
    const auto payload = entry();
    store_entry_header(bytes.data(),
                       EntryKind::atomic,
                       {kTopic, 3},
                       static_cast<std::uint32_t>(payload.size()));
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    std::string hex;
    for (const auto byte : bytes) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        hex += kDigits[std::to_integer<unsigned>(byte) >> 4U];
        hex += kDigits[std::to_integer<unsigned>(byte) & 15U];
    }
    EXPECT_EQ(hex,
              "020000003d000000000102030405060708090a0b0c0d0e0f03000000"
              "0200000000000000"
              "000102030405060708090a0b0c0d0e0f0300000003000000"
              "000102030405060708090a0b0c0d0e0f0700000002000000"
              "6162636465");
}

TEST(AtomicEntry, OfWrongLengthsIsDamaged) {
    const auto refusal = [](Bytes payload) {
        const auto parts = read_atomic_entry(payload);
        return parts ? Errc::io_failed : parts.error().code;
    };
    const auto payload = entry();
    for (std::size_t length = 0; length < payload.size(); ++length)
        EXPECT_EQ(refusal(Bytes(payload).first(length)), Errc::damaged_wal) << length;
    auto longer = payload;
    longer.push_back(std::byte{0});
    EXPECT_EQ(refusal(longer), Errc::damaged_wal);
    EXPECT_EQ(refusal(with(0, 0)), Errc::damaged_wal);
    EXPECT_EQ(refusal(with(0, 3)), Errc::damaged_wal);
    EXPECT_EQ(refusal(with(28, 0)), Errc::damaged_wal);
    EXPECT_EQ(refusal(with(28, 4)), Errc::damaged_wal);
    EXPECT_EQ(refusal(with(28, UINT32_MAX)), Errc::damaged_wal);
    // What this version does not know.
    EXPECT_EQ(refusal(with(0, kAtomicPartsMax + 1)), Errc::newer_format);
    EXPECT_EQ(refusal(with(0, UINT32_MAX)), Errc::newer_format);
    EXPECT_EQ(refusal(with(4, 1)), Errc::newer_format);
}

}  // namespace
}  // namespace millrace::engine
