// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "schemas/init_producer_generated.h"
#include "tests/broker/request/requests.h"
#include "tests/broker/request/service_rig.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace millrace::testing {

namespace {

class InitProducerTest : public ::testing::Test {
protected:
    void SetUp() override { start(); }

    void start() {
        rig_ = std::make_unique<ServiceRig>(disk_, RigOptions{.shards = 2});
        ASSERT_TRUE(rig_->start()) << rig_->events();
        peer_ = &rig_->connect(1);
    }

    void stop() {
        ASSERT_TRUE(rig_->stop());
        rig_.reset();
    }

    // As a power cut leaves it: only what was flushed.
    void crash() {
        const auto left = disk_.crashed([] { return false; }, 512);
        rig_.reset();  // What it still writes goes to the disk that is lost.
        disk_ = left;
    }

    std::int64_t next_id() {
        const auto answer = rig_->ask(
                *peer_, request_of(wire::Api::init_producer, [](flatbuffers::FlatBufferBuilder& b) {
                    return wire::CreateInitProducerRequest(b);
                }));
        const auto* response = answer.as<wire::InitProducerResponse>();
        if (response == nullptr) return -1;
        EXPECT_EQ(response->error(), 0);
        EXPECT_EQ(response->producer_epoch(), 0);
        EXPECT_TRUE(given_.insert(response->producer_id()).second) << "given twice";
        return response->producer_id();
    }

    SimDisk disk_;
    std::unique_ptr<ServiceRig> rig_;
    PeerDouble* peer_ = nullptr;
    std::set<std::int64_t> given_;
};

TEST_F(InitProducerTest, GivesEveryIdOnce) {
    EXPECT_EQ(next_id(), 0);
    for (int i = 1; i < 2'500; ++i)
        EXPECT_EQ(next_id(), i);
}

TEST_F(InitProducerTest, SkipsWhatIsLeftOfABlockAfterAStopAndACrash) {
    EXPECT_EQ(next_id(), 0);
    stop();
    start();
    EXPECT_EQ(next_id(), 1'000);
    crash();
    start();
    EXPECT_EQ(next_id(), 2'000);
    EXPECT_EQ(next_id(), 2'001);
}

TEST_F(InitProducerTest, GivesNoneTwiceAcrossSnapshotsOfTheMetadata) {
    for (int i = 0; i < 1'500; ++i)
        static_cast<void>(next_id());
    // Enough changes for a snapshot.
    for (int i = 0; i < 300; ++i) {
        static_cast<void>(create(*rig_, *peer_, "topic-" + std::to_string(i), 1));
    }
    crash();
    start();
    EXPECT_EQ(next_id(), 2'000);
}

}  // namespace

}  // namespace millrace::testing
