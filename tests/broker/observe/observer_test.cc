// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/observe/observer.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace millrace::broker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FixedSource final : public SampleSource {
public:
    BrokerSample sample(SampleDetail detail) override {
        asked = detail;
        return next;
    }

    BrokerSample next;
    SampleDetail asked = SampleDetail::none;
};

class StoppedClock final : public engine::Clock {
public:
    engine::MonotonicTime monotonic_now() noexcept override { return {}; }

    engine::TimestampMs wall_now() noexcept override { return wall; }

    engine::TimestampMs wall = 1'700'000'000'000;
};

class ObserverTest : public ::testing::Test {
protected:
    ObserverTest() {
        source_.next.state = NodeState::serving;
        source_.next.shards.resize(2);
        source_.next.shards[1].shard = 1;
    }

    HttpAnswer get(std::string_view path, bool verbose = false) {
        return observer_.answer({.path = path, .verbose = verbose});
    }

    std::string metrics() { return get("/metrics").body; }

    TopicSample& add_topic(std::uint32_t shard, const std::string& name) {
        return source_.next.shards[shard].topics.emplace_back(TopicSample{.name = name});
    }

    FixedSource source_;
    StoppedClock clock_;
    Observer observer_{{.source = source_, .clock = clock_, .version = "1.2.3"}};
};

TEST_F(ObserverTest, IsLiveAndReadyWhileItServes) {
    for (const auto* path : {"/livez", "/readyz", "/healthz"}) {
        EXPECT_EQ(get(path).status, 200U) << path;
        EXPECT_EQ(source_.asked, SampleDetail::none) << path;
    }
    EXPECT_EQ(get("/livez").body, "ok\n");
}

TEST_F(ObserverTest, IsLiveAndNotReadyWhileItStartsOrStops) {
    for (const auto state : {NodeState::starting, NodeState::stopping}) {
        source_.next.state = state;
        EXPECT_EQ(get("/livez").status, 200U);
        EXPECT_EQ(get("/readyz").status, 503U);
        EXPECT_THAT(get("/readyz").body, HasSubstr("serving: the broker st"));
    }
}

TEST_F(ObserverTest, IsNotLiveWhenALoopIsStuckAndNamesTheShard) {
    source_.next.silent = {1};
    EXPECT_EQ(get("/livez").status, 503U);
    EXPECT_EQ(get("/livez").body, "loops: shard 1 has not turned its loop for 1 s\n");
    EXPECT_EQ(get("/readyz").status, 503U);
    EXPECT_THAT(metrics(), HasSubstr("millrace_shards_silent 1\n"));
}

TEST_F(ObserverTest, IsNotReadyWhileTheDiskIsFull) {
    source_.next.shards[1].storage_full = true;
    source_.next.data_directory = "/data";
    EXPECT_EQ(get("/livez").status, 200U);
    EXPECT_EQ(get("/readyz").status, 503U);
    EXPECT_THAT(get("/readyz").body, HasSubstr("the disk is full"));
    EXPECT_THAT(get("/readyz").body, HasSubstr("/data"));
    EXPECT_THAT(metrics(), HasSubstr("millrace_storage_full 1\n"));
}

TEST_F(ObserverTest, SaysSinceWhenACheckIsAsItIs) {
    static_cast<void>(get("/healthz", true));
    clock_.wall += 60'000;
    source_.next.shards[0].storage_full = true;
    static_cast<void>(get("/readyz"));
    clock_.wall += 60'000;
    const auto health = nlohmann::json::parse(get("/healthz", true).body);
    EXPECT_EQ(health["status"], "failed");
    const auto& checks = health["checks"];
    ASSERT_EQ(checks.size(), 4U);
    EXPECT_EQ(checks[0]["name"], "serving");
    EXPECT_EQ(checks[0]["status"], "ok");
    EXPECT_EQ(checks[0]["since"], "2023-11-14T22:13:20Z");
    EXPECT_EQ(checks[2]["name"], "storage");
    EXPECT_EQ(checks[2]["status"], "failed");
    EXPECT_EQ(checks[2]["since"], "2023-11-14T22:14:20Z");
}

TEST_F(ObserverTest, StaysReadyWhenRecordsAreDamagedAndSaysSo) {
    source_.next.shards[0].engine.damaged_ranges = 2;
    EXPECT_EQ(get("/readyz").status, 200U);
    const auto health = nlohmann::json::parse(get("/healthz", true).body);
    const auto& records = health["checks"][3];
    EXPECT_EQ(records["name"], "records");
    EXPECT_EQ(records["status"], "ok");
    EXPECT_THAT(records["reason"].get<std::string>(), HasSubstr("2 damaged ranges"));
    EXPECT_THAT(metrics(), HasSubstr("millrace_log_damaged_ranges 2\n"));
}

TEST_F(ObserverTest, ListsItsPagesForWhoeverAsksForAnother) {
    EXPECT_EQ(get("/metric").status, 404U);
    EXPECT_THAT(get("/metric").body, HasSubstr("/metrics/detail"));
    EXPECT_EQ(get("/").status, 200U);
}

TEST_F(ObserverTest, AddsUpWhatTheShardsCounted) {
    for (auto& shard : source_.next.shards) {
        auto& api = shard.apis.emplace_back();
        api.api = "produce";
        api.answered = 2;
        api.refused = 1;
        api.errors = {{"storage_full", 5}};
        api.total.record(std::chrono::microseconds(3));
        shard.connections = {{.listener = "client", .accepted = 3, .open = 1, .cut_off = 1}};
        shard.engine.flush_times.record(std::chrono::milliseconds(2));
    }
    const auto page = metrics();
    EXPECT_THAT(page, HasSubstr("millrace_requests_total{api=\"produce\",result=\"ok\"} 4\n"));
    EXPECT_THAT(page, HasSubstr("millrace_requests_total{api=\"produce\",result=\"error\"} 2\n"));
    EXPECT_THAT(page,
                HasSubstr("millrace_request_errors_total{api=\"produce\","
                          "error=\"storage_full\"} 10\n"));
    const std::string bucket =
            "millrace_request_duration_seconds_bucket{api=\"produce\","
            "stage=\"total\",le=";
    EXPECT_THAT(page, HasSubstr(bucket + "\"2e-06\"} 0\n"));
    EXPECT_THAT(page, HasSubstr(bucket + "\"4e-06\"} 2\n"));
    EXPECT_THAT(page, HasSubstr("millrace_connections{listener=\"client\",state=\"open\"} 2\n"));
    EXPECT_THAT(page, HasSubstr("millrace_log_flush_duration_seconds_sum 0.004"));
    EXPECT_THAT(page, HasSubstr("millrace_build_info{version=\"1.2.3\"} 1\n"));
}

TEST_F(ObserverTest, CountsTopicsBeyondTheCapTogether) {
    constexpr std::size_t kMore = 3;
    for (std::size_t index = 0; index < kTopicLabelsMax + kMore; ++index) {
        auto& topic = add_topic(index % 2, "topic-" + std::to_string(10'000 + index));
        topic.traffic.records_in = 1;
    }
    const auto page = metrics();
    EXPECT_THAT(page, HasSubstr("millrace_topic_records_in_total{topic=\"__other__\"} 3\n"));
    EXPECT_THAT(page, HasSubstr("millrace_metrics_topics_cut 3\n"));
    EXPECT_THAT(page, HasSubstr("{topic=\"topic-11999\"} 1\n"));
    EXPECT_THAT(page, Not(HasSubstr("topic-12000")));
}

TEST_F(ObserverTest, ShowsPartitionsOfAllShardsOnThePageOfDetails) {
    add_topic(0, "orders").details = {
            {.partition = 2, .start_offset = 5, .end_offset = 9, .size_bytes = 100}};
    add_topic(1, "orders").details = {{.partition = 10}, {.partition = 1}};
    const auto page = get("/metrics/detail").body;
    EXPECT_EQ(source_.asked, SampleDetail::partitions);
    const std::string end = "millrace_partition_end_offset{topic=\"orders\",partition=";
    EXPECT_THAT(page, HasSubstr(end + "\"1\"} 0\n" + end + "\"2\"} 9\n" + end + "\"10\"} 0\n"));
    EXPECT_THAT(page, HasSubstr("millrace_metrics_partitions_cut 0\n"));
}

}  // namespace
}  // namespace millrace::broker
