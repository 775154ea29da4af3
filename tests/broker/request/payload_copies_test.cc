// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Copies of payload in user space from a produce to a fetch, over the real engine. What connections
// add to them, which is none for a frame that arrives whole, their own tests count.
#include "engine/base/payload_copy.h"
#include "tests/broker/request/requests.h"
#include "tests/broker/request/service_rig.h"

#include <gtest/gtest.h>

#include <memory>

namespace millrace::testing {

namespace {

constexpr std::size_t kRecords = 40;

class PayloadCopiesTest : public ::testing::Test {
protected:
    PayloadCopiesTest() { start(); }

    void start() {
        rig_ = std::make_unique<ServiceRig>(disk_);
        EXPECT_TRUE(rig_->start()) << rig_->events();
        peer_ = &rig_->connect();
    }

    // Until nothing is under way; what was copied since `before`.
    engine::PayloadCopies since(const engine::PayloadCopies& before) {
        rig_->settle();
        const auto now = engine::payload_copies();
        return {now.calls - before.calls, now.bytes - before.bytes};
    }

    void produce(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            EXPECT_GE(produce_one(*rig_, *peer_, key_, std::string(3000, 'x')), 0);
    }

    std::size_t fetch_all() {
        std::size_t records = 0;
        for (std::int64_t offset = 0; offset < static_cast<std::int64_t>(kRecords);) {
            const auto answer = rig_->ask(
                    *peer_, fetch_request({{.key = key_, .offset = offset}}, {.wait_max_ms = 0}));
            const auto got = fetched_one(answer).records;
            if (got.empty()) break;
            records += got.size();
            offset = got.back().first + 1;
        }
        return records;
    }

    SimDisk disk_;
    std::unique_ptr<ServiceRig> rig_;
    PeerDouble* peer_ = nullptr;
    engine::PartitionKey key_;
};

TEST_F(PayloadCopiesTest, AreOneBeforeTheAckOneAtTheFlushAndNoneOnTheWayOut) {
    key_ = {create(*rig_, *peer_, "orders", 1), 0};
    rig_->settle();
    const auto appended = [this] { return rig_->engine(0).counters().append_bytes; };
    const auto appended_before = appended();

    auto before = engine::payload_copies();
    produce(kRecords);
    const auto produced = since(before);
    EXPECT_EQ(produced.calls, kRecords);
    EXPECT_EQ(produced.bytes, appended() - appended_before);
    EXPECT_EQ(rig_->engine(0).counters().runs, 0U);

    before = engine::payload_copies();
    EXPECT_EQ(fetch_all(), kRecords);
    EXPECT_EQ(since(before).bytes, 0U) << "from the tail";
    EXPECT_EQ(rig_->engine(0).counters().cold_reads, 0U);

    before = engine::payload_copies();
    ASSERT_TRUE(rig_->stop());
    const auto flushed = engine::payload_copies();
    EXPECT_EQ(flushed.bytes - before.bytes, appended()) << "with what the metadata log has";

    rig_.reset();
    start();
    rig_->settle();
    before = engine::payload_copies();
    EXPECT_EQ(fetch_all(), kRecords);
    EXPECT_EQ(since(before).bytes, 0U) << "from segment files";
    EXPECT_GT(rig_->engine(0).counters().cold_reads, 0U);
}

}  // namespace

}  // namespace millrace::testing
