// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Metrics and health of a real broker, as a scraper and a probe see them.
#include "tests/support/broker_fixture.h"
#include "tests/support/http_get.h"
#include "tests/support/metrics_page.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace millrace::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Observe : public BrokerTest {
protected:
    HttpReply get(const std::string& target) { return http_get(broker().ready().http, target); }

    double value(const std::string& series) { return metric(broker().ready().http, series); }

    void send_records(int count) {
        std::vector<std::string> values;
        std::vector<Record> records;
        for (int i = 0; i < count; ++i)
            values.push_back("value " + std::to_string(i));
        for (const auto& value : values)
            records.push_back(record_of("t", value));
        send_all(records);
    }
};

TEST_F(Observe, CountsWhatClientsDo) {
    start();
    create("t", 4);
    send_records(100);
    ASSERT_EQ(read("t", 100).size(), 100U);
    EXPECT_EQ(value("millrace_topic_records_in_total{topic=\"t\"}"), 100);
    EXPECT_EQ(value("millrace_topic_records_out_total{topic=\"t\"}"), 100);
    EXPECT_EQ(value("millrace_topic_bytes_in_total{topic=\"t\"}"),
              value("millrace_topic_bytes_out_total{topic=\"t\"}"));
    EXPECT_EQ(value("millrace_topic_partitions{topic=\"t\"}"), 4);
    const auto produced = value("millrace_requests_total{api=\"produce\",result=\"ok\"}");
    EXPECT_GE(produced, 1);
    const std::string duration = "millrace_request_duration_seconds_count{api=\"produce\",stage=";
    EXPECT_EQ(value(duration + "\"total\"}"), produced);
    EXPECT_EQ(value(duration + "\"log\"}"), produced);
    EXPECT_GE(value("millrace_log_flush_duration_seconds_count"), 1);
    EXPECT_GE(value("millrace_wal_group_bytes_count"), 1);
    EXPECT_GE(value("millrace_connections_total{listener=\"client\",result=\"accepted\"}"), 1);
    EXPECT_GE(value("millrace_loop_lag_seconds_count{loop=\"1\"}"), 1);
    EXPECT_GT(value("process_resident_memory_bytes"), 1'000'000);
    EXPECT_EQ(value("millrace_node_state{state=\"serving\"}"), 1);
}

TEST_F(Observe, CountsErrorsByName) {
    start();
    EXPECT_NE(millrace({"topic", "get", "missing"}).status, 0);
    EXPECT_NE(millrace({"topic", "create", "t", "-p", "1", "-c", "segment.bytes=1"}).status, 0);
    const auto page = get("/metrics").body;
    EXPECT_THAT(page, HasSubstr("error=\"unknown_topic\"}"));
    EXPECT_THAT(page, HasSubstr("error=\"invalid_config\"}"));
}

// More of them than a shard looks at in one turn of its loop.
TEST_F(Observe, ShowsEveryPartitionOnThePageOfDetails) {
    constexpr int kPartitions = 2000;
    start();
    create("t", kPartitions);
    ASSERT_EQ(send(record_of("t", "x")), 0);
    const auto page = get("/metrics/detail").body;
    double ends = 0;
    for (int partition = 0; partition < kPartitions; ++partition) {
        const auto series = "millrace_partition_end_offset{topic=\"t\",partition=\"" +
                            std::to_string(partition) + "\"} ";
        const auto at = page.find(series);
        ASSERT_NE(at, std::string::npos) << partition;
        ends += std::stod(page.substr(at + series.size()));
    }
    EXPECT_EQ(ends, 1);
}

TEST_F(Observe, WritesPagesThatPromtoolFindsNothingWrongWith) {
    start();
    create("t", 2);
    send_records(10);
    ASSERT_EQ(read("t", 10).size(), 10U);
    for (const auto* target : {"/metrics", "/metrics/detail"}) {
        const auto reply = get(target);
        EXPECT_THAT(reply.headers, HasSubstr("Content-Type: text/plain; version=0.0.4"));
        const auto checked = run_command({"promtool", "check", "metrics"}, reply.body);
        EXPECT_EQ(checked.status, 0) << target << "\n" << checked.output << checked.errors;
        EXPECT_EQ(checked.output + checked.errors, "") << target;
    }
}

TEST_F(Observe, IsReadyUntilItIsToldToStop) {
    start();
    EXPECT_EQ(get("/livez").status, 200);
    EXPECT_EQ(get("/readyz").status, 200);
    const auto health = nlohmann::json::parse(get("/healthz?verbose").body);
    EXPECT_EQ(health["status"], "ok");
    EXPECT_EQ(health["checks"].size(), 4U);
    const auto address = broker().ready().http;
    EXPECT_EQ(broker().stop(), 0);
    EXPECT_THROW(http_get(address, "/livez"), std::runtime_error);
}

// As its user would: somebody keeps asking while it stops.
TEST_F(Observe, StopsCleanlyUnderScrapes) {
    start();
    create("t", 8);
    send_records(1000);
    const auto address = broker().ready().http;
    broker().process().signal(SIGTERM);
    int answers = 0;
    try {
        while (http_get(address, "/metrics/detail").status != 0)
            ++answers;
    } catch (const std::runtime_error&) {
        // Nobody listens any more.
    }
    EXPECT_EQ(broker().process().wait(std::chrono::seconds(60)), 0) << broker().log();
}

TEST_F(Observe, ServesNothingWhereItIsSwitchedOff) {
    start({"http.bind=off"});
    EXPECT_EQ(broker().ready().http, "");
}

TEST_F(Observe, ServesOverAUnixSocketOfItsOwner) {
    const auto path = data().parent_path() / "http.sock";
    start({"http.bind=unix:" + path.string()});
    EXPECT_THAT(broker().ready().http, StartsWith("unix:"));
    EXPECT_EQ(get("/livez").body, "ok\n");
    EXPECT_EQ(std::filesystem::status(path).permissions() & std::filesystem::perms::others_all,
              std::filesystem::perms::none);
}

TEST_F(Observe, RefusesAnAddressThatOthersReachOrThatIsTaken) {
    start();
    DataDirectory other;
    const auto refused = [&](const std::string& bind) {
        const auto result = run_command({millraced_path(),
                                         "--data-dir",
                                         other.path(),
                                         "--set",
                                         "listener.client.bind=127.0.0.1:0",
                                         "--set",
                                         "http.bind=" + bind});
        EXPECT_EQ(result.status, 2);
        return result.errors;
    };
    EXPECT_THAT(refused("0.0.0.0:0"), HasSubstr("http.bind = \"0.0.0.0:0\" can be reached from"));
    EXPECT_THAT(refused(broker().ready().http), HasSubstr("http.bind: " + broker().ready().http));
    EXPECT_THAT(refused("nonsense"), HasSubstr("http.bind = \"nonsense\""));
}

// Two brokers of one machine start without configuration, whoever has the default port.
TEST_F(Observe, MovesFromTheDefaultAddressWhenItIsTaken) {
    std::vector<std::unique_ptr<BrokerProcess>> brokers;
    std::vector<std::unique_ptr<DataDirectory>> directories;
    for (int i = 0; i < 2; ++i) {
        directories.push_back(std::make_unique<DataDirectory>());
        brokers.push_back(std::make_unique<BrokerProcess>(
                BrokerOptions{.data_directory = directories.back()->path(),
                              .settings = {},
                              .arguments = {},
                              .default_http = true}));
        EXPECT_EQ(http_get(brokers.back()->ready().http, "/readyz").status, 200);
    }
    EXPECT_THAT(brokers.back()->log(), HasSubstr("listener.moved"));
    for (auto& each : brokers)
        EXPECT_EQ(each->stop(), 0);
}

}  // namespace
}  // namespace millrace::testing
