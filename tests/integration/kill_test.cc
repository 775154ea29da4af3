// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A real broker killed under load, again and again: what it acknowledged is there afterwards.
#include "millrace/admin.h"
#include "tests/support/acked_history.h"
#include "tests/support/broker_process.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <random>

namespace millrace::testing {
namespace {

constexpr std::uint32_t kPartitions = 12;
// What is not answered when the kill comes is given up after so long: the length of a cycle.
constexpr std::chrono::seconds kDeliveryTimeout{1};

void create_topic(const std::string& address) {
    auto client = Client::connect({.addresses = address});
    ASSERT_TRUE(client) << client.error().message;
    auto admin = Admin::open(*client);
    ASSERT_TRUE(admin) << admin.error().message;
    NewTopic topic{.name = "killed", .partitions = kPartitions, .config = {}};
    topic.config.emplace_back("segment.bytes", "262144");
    const auto created = admin->create_topic(topic);
    ASSERT_TRUE(created) << created.error().message;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines)
        text += line + "\n";
    return text;
}

int number_from(const char* variable, int otherwise) {
    const char* text = std::getenv(variable);
    return text != nullptr ? std::atoi(text) : otherwise;
}

// A few cycles in every run of the tests; a campaign says how many, or for how long.
class CycleBudget {
public:
    [[nodiscard]] bool spent(int cycles) const {
        if (seconds_ > 0) return std::chrono::steady_clock::now() >= until_;
        return cycles >= cycles_;
    }

private:
    int cycles_ = number_from("MILLRACE_KILL_CYCLES", 8);
    int seconds_ = number_from("MILLRACE_KILL_SECONDS", 0);
    std::chrono::steady_clock::time_point until_ =
            std::chrono::steady_clock::now() + std::chrono::seconds(seconds_);
};

struct Cycles {
    std::vector<std::string> settings;
    std::vector<unsigned> shards{2};  // Of one start after the other, round and round.
    bool ordinary_user = false;
};

// Small memory, so that the WAL is recycled and segments roll within the cycles.
void run_cycles(const Cycles& cycles) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const DataDirectory directory(cycles.ordinary_user);
    AckedHistory history("killed", kPartitions);
    const CycleBudget budget;
    int cycle = 0;
    for (; !budget.spent(cycle); ++cycle) {
        SCOPED_TRACE("cycle " + std::to_string(cycle));
        BrokerOptions options{.data_directory = directory.path(),
                              .settings = cycles.settings,
                              .arguments = {},
                              .ordinary_user = cycles.ordinary_user};
        const auto shards = cycles.shards[static_cast<std::size_t>(cycle) % cycles.shards.size()];
        options.settings.push_back("node.shards=" + std::to_string(shards));
        BrokerProcess broker(options);
        ASSERT_EQ(broker.ready().shards, shards);
        if (cycle == 0) create_topic(broker.address());
        ASSERT_FALSE(::testing::Test::HasFatalFailure());
        const auto wrong = history.verify(broker.address());
        ASSERT_TRUE(wrong.empty()) << joined(wrong) << broker.log();
        const auto kill_at = 1 + random() % 2000;
        history.produce(
                broker.address(), kill_at + 2000, kDeliveryTimeout, [&](std::uint64_t acked) {
                    if (acked == kill_at) broker.process().signal(SIGKILL);
                });
        broker.kill();
    }
    BrokerProcess broker({.data_directory = directory.path(),
                          .settings = cycles.settings,
                          .arguments = {},
                          .ordinary_user = cycles.ordinary_user});
    const auto wrong = history.verify(broker.address());
    EXPECT_TRUE(wrong.empty()) << joined(wrong) << broker.log();
    EXPECT_GT(history.acked(), static_cast<std::uint64_t>(cycle));
    ::testing::Test::RecordProperty("cases", cycle);
    EXPECT_EQ(broker.stop(), 0) << broker.log();
}

TEST(Kill, LosesNothingAcknowledgedOverTheRing) {
    run_cycles({.settings = {"engine.io=\"uring\""}});
}

TEST(Kill, LosesNothingAcknowledgedOverThreads) {
    run_cycles({.settings = {"engine.io=\"threads\""}});
}

TEST(Kill, LosesNothingAcknowledgedAsAnOrdinaryUserWithSmallLimits) {
    run_cycles({.settings = {}, .ordinary_user = true});
}

TEST(Kill, LosesNothingAcknowledgedWhenTheNumberOfShardsChanges) {
    run_cycles({.settings = {}, .shards = {1, 3, 2}});
}

TEST(Kill, LosesNothingAcknowledgedWithASmallWriteAheadLog) {
    run_cycles({.settings = {"wal.bytes=\"64MiB\""}});
}

}  // namespace
}  // namespace millrace::testing
