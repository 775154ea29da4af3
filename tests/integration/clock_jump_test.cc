// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A broker whose wall clock jumps under it, forwards, backwards, and back.
#include "tests/support/broker_fixture.h"
#include "tests/support/faked_clock.h"
#include "tests/support/metrics_page.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <future>
#include <map>
#include <poll.h>

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using ::testing::AllOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;

struct Jump {
    const char* to;
    std::chrono::milliseconds offset;
};

constexpr auto kYear = 365 * 24h;
constexpr Jump kJumps[] = {
        {"+1s", 1s}, {"+10y", 10 * kYear}, {"-1h", -1h}, {"-10y", -10 * kYear}, {"+0", 0s}};
// Much longer than a request takes, much less than any time-out that a jump could set off.
constexpr auto kSoon = 5s;
constexpr std::int64_t kAnyTime = 1'000'000'000'000;  // In the past of every clock here.

constexpr auto kLeapDays = std::chrono::milliseconds(4 * 24h).count();  // Of ten years.

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
            .count();
}

class ClockJump : public BrokerTest {
protected:
    void SetUp() override {
        if (FakedClock::library().empty()) {
            ASSERT_EQ(std::getenv("CI"), nullptr) << "libfaketime is not installed";
            GTEST_SKIP() << "SKIPPED: no libfaketime here";
        }
        std::filesystem::create_directories(data().parent_path());
        clock_ = std::make_unique<FakedClock>(data().parent_path());
        set_environment(clock_->environment());
        start();
        create("appended", 1, {{"message.timestamp.type", "LogAppendTime"}});
        create("created", 1);
    }

    void jump(const Jump& jump) { clock_->set(jump.to); }

    // Sends to both topics, one after the other; to "created" with times that ascend.
    void send_some(int count = 20) {
        for (int i = 0; i < count; ++i) {
            const auto value = std::to_string(next_++);
            auto record = record_of("created", value);
            record.timestamp_ms = kAnyTime + next_ * 10;
            values_["created"].push_back(value);
            EXPECT_EQ(send(record), next_ - 1);
            values_["appended"].push_back(value);
            EXPECT_EQ(send(record_of("appended", value)), next_ - 1);
        }
    }

    // What the broker takes for now.
    std::int64_t broker_now() {
        const auto topic = "now" + std::to_string(++topics_);
        create(topic, 1, {{"message.timestamp.type", "LogAppendTime"}});
        send(record_of(topic, "v"));
        return read(topic, 1).at(0).timestamp_ms;
    }

    // Everything sent is there, and times of appends ascend.
    void expect_everything() {
        for (const auto& [topic, values] : values_) {
            const auto records = read(topic, values.size());
            ASSERT_EQ(records.size(), values.size()) << topic;
            for (std::size_t at = 0; at < values.size(); ++at) {
                EXPECT_EQ(records[at].value, values[at]) << topic;
                if (at == 0) continue;
                EXPECT_GE(records[at].timestamp_ms, records[at - 1].timestamp_ms)
                        << topic << " offset " << at;
            }
        }
    }

    // Every record is found by its own time, and by the time before and after.
    void expect_lookups() {
        for (const auto& [topic, values] : values_) {
            const auto records = read(topic, values.size());
            const auto end = static_cast<std::int64_t>(records.size());
            for (const auto& record : records) {
                for (const auto time : {record.timestamp_ms, record.timestamp_ms + 1}) {
                    const auto first = std::ranges::find_if(
                            records, [&](const auto& each) { return each.timestamp_ms >= time; });
                    const auto answers =
                            admin().list_offsets({{{topic, 0}, Position::at_time(time)}});
                    ASSERT_TRUE(answers) << answers.error().message;
                    EXPECT_EQ(answers->at(0).offset, first == records.end() ? end : first->offset)
                            << topic << " at " << time;
                }
            }
        }
    }

    double metric_of(const std::string& series) { return metric(broker().ready().http, series); }

private:
    std::unique_ptr<FakedClock> clock_;
    std::map<std::string, std::vector<std::string>> values_;
    std::int64_t next_ = 0;
    int topics_ = 0;
};

TEST_F(ClockJump, DelaysNeitherProducersNorConsumers) {
    for (const auto& each : kJumps) {
        SCOPED_TRACE(each.to);
        jump(each);
        EXPECT_THAT(broker_now() - now_ms() - each.offset.count(),
                    AllOf(Ge(-kLeapDays), Le(kLeapDays)));
        const auto began = steady_clock::now();
        send_some();
        EXPECT_LT(steady_clock::now() - began, kSoon);
    }
    expect_everything();
    expect_lookups();
    EXPECT_EQ(broker().stop(), 0);
}

// An answer that waits for more than there is comes when its wait is over, to the moment.
TEST_F(ClockJump, MovesNoDeadline) {
    constexpr auto kWait = 2s;
    const std::vector<std::vector<Jump>> ways{{kJumps[0], kJumps[1]}, {kJumps[2], kJumps[3]}};
    for (const auto& way : ways) {
        SCOPED_TRACE(way.back().to);
        jump(kJumps[4]);
        send_some(1);
        ConsumerOptions options;
        options.fetch_bytes_min = 1U << 20;
        options.fetch_wait_max = kWait;
        auto consumer = Consumer::open(client(), options).value();
        const auto began = steady_clock::now();
        ASSERT_TRUE(consumer.assign_topic("created"));
        auto polled = std::async(std::launch::async, [&] { return consumer.poll(kWait + kSoon); });
        for (std::size_t turn = 0; polled.wait_for(100ms) == std::future_status::timeout; ++turn)
            jump(way[turn % way.size()]);
        const auto took = steady_clock::now() - began;
        const auto records = polled.get();
        ASSERT_TRUE(records) << records.error().message;
        EXPECT_FALSE(records->empty());
        EXPECT_GE(took, kWait - 50ms);
        EXPECT_LT(took, kWait + kSoon);
    }
}

// What the broker does by itself after a while, it does after a jump backwards, too.
TEST_F(ClockJump, BackwardsKeepsTheBrokerFromNothing) {
    jump(kJumps[3]);
    send_some();
    const auto stored = [&] { return metric_of("millrace_log_checkpoints_total"); };
    const auto before = stored();
    const auto deadline = steady_clock::now() + 30s;
    while (stored() == before && steady_clock::now() < deadline)
        poll(nullptr, 0, 50);
    EXPECT_GT(stored(), before);
}

TEST_F(ClockJump, RollsASegmentOnceAtMost) {
    for (int round = 0; round < 3; ++round) {
        for (const auto& each : kJumps) {
            jump(each);
            send_some(3);
        }
    }
    restart();
    std::map<std::string, int> segments;
    for (const auto& file : files(".log"))
        ++segments[file.parent_path().filename()];
    // Ten years ahead its records are too young for the first segment; from then on time stands.
    EXPECT_EQ(segments["appended-0"], 2);
    EXPECT_EQ(segments["created-0"], 1);
    expect_everything();
    expect_lookups();
}

TEST_F(ClockJump, BackwardsBeforeAStartLosesNothingAndTurnsNoTimeBack) {
    jump(kJumps[1]);
    send_some();
    for (const auto& each : {kJumps[3], kJumps[2], kJumps[4]}) {
        SCOPED_TRACE(each.to);
        jump(each);
        kill_and_start();  // First: what it found in segments it knows already.
        expect_everything();
        send_some();
        restart();
        send_some();
        expect_everything();
    }
    expect_lookups();
}

// The one thing that hangs on the clock by design: records may lie an hour ahead of it.
TEST_F(ClockJump, BackwardsRefusesRecordsOfTheFutureUntilTheClockIsRight) {
    const auto send_now = [&] {
        return Producer::open(client()).value().send(record_of("created", "of now")).get();
    };
    EXPECT_TRUE(send_now());
    jump(kJumps[3]);
    const auto refused = send_now();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_timestamp);
    EXPECT_FALSE(refused.error().retryable());
    EXPECT_THAT(refused.error().message, HasSubstr("farther ahead of the broker's clock"));
    jump(kJumps[4]);
    EXPECT_TRUE(send_now());
    EXPECT_EQ(read("created", 2).size(), 2U);
}

}  // namespace
}  // namespace millrace::testing
