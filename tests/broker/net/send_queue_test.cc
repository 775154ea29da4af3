// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/net/send_queue.h"

#include "engine/arena.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace millrace::broker {
namespace {

class SendQueueTest : public ::testing::Test {
protected:
    // Takes up to `bytes_max` off the front, as a socket would.
    std::vector<std::byte> take(SendQueue& queue, std::size_t bytes_max) {
        iovec entries[64];
        std::vector<std::byte> bytes;
        const auto count = queue.pieces(entries);
        for (std::size_t at = 0; at < count && bytes.size() < bytes_max; ++at) {
            const auto* data = static_cast<const std::byte*>(entries[at].iov_base);
            const auto size = std::min(entries[at].iov_len, bytes_max - bytes.size());
            bytes.insert(bytes.end(), data, data + size);
        }
        queue.sent(bytes.size());
        return bytes;
    }

    static engine::Bytes as_bytes(const std::string& text) {
        return std::as_bytes(std::span(text));
    }

    ResponseBudget budget_{1 << 20};
    SendBlockPool pool_{budget_};
    engine::Arena arena_{16 << 20};
};

TEST_F(SendQueueTest, LaysSmallResponsesEndToEnd) {
    SendQueue queue(pool_);
    for (int count = 0; count < 10; ++count)
        queue.push({}, as_bytes("table..."), {});
    iovec entries[64];
    EXPECT_EQ(queue.pieces(entries), 1U);
    EXPECT_EQ(queue.bytes(), 10U * 32);
    queue.clear();
}

TEST_F(SendQueueTest, TakesATableLargerThanABlock) {
    SendQueue queue(pool_);
    const std::string table(100'000, 't');
    queue.push({.table_bytes = 100'000}, as_bytes(table), {});
    queue.push({}, as_bytes("after"), {});
    const auto bytes = take(queue, 1 << 20);
    EXPECT_EQ(bytes.size(), 24U + 100'000 + 32);
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(budget_.used(), 0U);
}

TEST_F(SendQueueTest, CountsItsBlocksUntilTheyAreSent) {
    ResponseBudget small(20'000);
    SendBlockPool pool(small);
    SendQueue queue(pool);
    queue.push({}, as_bytes(std::string(8000, 'x')), {});
    EXPECT_FALSE(small.exhausted());
    queue.push({}, as_bytes(std::string(16'000, 'x')), {});
    EXPECT_TRUE(small.exhausted());
    take(queue, 8024);
    EXPECT_FALSE(small.exhausted());
    queue.clear();
    EXPECT_EQ(small.used(), 0U);
}

// Random responses, taken in random pieces, against the bytes they should be.
TEST_F(SendQueueTest, SendsEveryByteOnceInOrderHoweverItIsTaken) {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        SendQueue queue(pool_);
        std::vector<std::byte> expected;
        std::vector<std::byte> got;
        const auto expect = [&](engine::Bytes bytes) {
            expected.insert(expected.end(), bytes.begin(), bytes.end());
        };
        for (std::uint32_t number = 0; number < 300; ++number) {
            const std::string table(random() % 600, static_cast<char>('a' + number % 26));
            std::vector<engine::Slice> slices;
            std::uint32_t payload = 0;
            for (auto pieces = random() % 4; pieces > 0; --pieces) {
                auto buffer = arena_.allocate(4096);
                ASSERT_TRUE(buffer);
                const auto size = static_cast<std::uint32_t>(random() % 4097);
                std::fill_n(buffer->data, 4096, static_cast<std::byte>(random()));
                const auto* data = buffer->data;
                slices.push_back({.buffer = std::move(buffer), .data = data, .size = size});
                payload += size;
            }
            wire::FrameHeader header{.correlation_id = number};
            queue.push(header, as_bytes(table), slices);
            const auto table_bytes = wire::padded(static_cast<std::uint32_t>(table.size()));
            header.frame_bytes = 20 + table_bytes + wire::padded(payload);
            header.flags = wire::kFlagResponse;
            std::byte head[wire::kFrameHeaderBytes];
            wire::store_frame_header(header, head);
            expect(head);
            expect(as_bytes(table));
            expected.resize(expected.size() + table_bytes - table.size());
            for (const auto& slice : slices)
                expect(slice.bytes());
            expected.resize(expected.size() + wire::padded(payload) - payload);
            while (random() % 3 != 0 && !queue.empty()) {
                const auto part = take(queue, 1 + random() % 5000);
                got.insert(got.end(), part.begin(), part.end());
            }
        }
        while (!queue.empty()) {
            const auto part = take(queue, 1 + random() % 50'000);
            got.insert(got.end(), part.begin(), part.end());
        }
        ASSERT_EQ(got.size(), expected.size());
        EXPECT_TRUE(got == expected);
        EXPECT_EQ(arena_.bytes_in_use(), 0U);
        EXPECT_EQ(budget_.used(), 0U);
    }
}

}  // namespace
}  // namespace millrace::broker
