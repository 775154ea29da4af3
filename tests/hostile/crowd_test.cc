// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Many clients at once, in a control group of 512 MiB: connections that do nothing, that never say
// who they are, that never read, that are too many for the broker's limits or its descriptors.
#include "tests/hostile/raw_client.h"
#include "tests/hostile/tables.h"
#include "tests/support/broker_fixture.h"
#include "tests/support/memory_group.h"
#include "tests/support/metrics_page.h"

#include <gmock/gmock.h>

#include <csignal>
#include <deque>
#include <fstream>
#include <sys/resource.h>

namespace millrace::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kMiB = 1U << 20;
constexpr std::uint64_t kMemoryMax = 512 * kMiB;

class Crowd : public BrokerTest {
protected:
    void begin(std::vector<std::string> settings) {
        rlimit limit{};
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        settings.emplace_back("node.shards=2");
        settings.emplace_back("memory.total=256MiB");
        start(std::move(settings));
        if (group_.made()) group_.take(broker().process().pid());
        create("t", 4);
    }

    void TearDown() override {
        EXPECT_LT(peak_memory(), kMemoryMax);
        expect_honest_service();
        EXPECT_EQ(broker().stop(), 0) << "it was not the same process to the end";
    }

    [[nodiscard]] std::uint64_t memory(const std::string& which) {
        std::ifstream file("/proc/" + std::to_string(broker().process().pid()) + "/status");
        for (std::string word; file >> word;) {
            std::uint64_t kibibytes = 0;
            if (word == which && file >> kibibytes) return kibibytes * 1024;
        }
        return 0;
    }

    [[nodiscard]] std::uint64_t peak_memory() { return memory("VmHWM:"); }

    [[nodiscard]] RawClient dial() { return RawClient(broker().address()); }

    [[nodiscard]] RawClient connect() {
        auto client = dial();
        static_cast<void>(client.ask(hello_request()));
        return client;
    }

    engine::PartitionKey key() {
        const auto id = admin().describe_topic("t").value().id;
        engine::PartitionKey key;
        key.topic.bytes = id.bytes;
        return key;
    }

    void expect_honest_service() {
        const auto text = "honest " + std::to_string(++served_);
        const auto offset = send(record_of("t", text));
        EXPECT_GE(offset, 0);
    }

    double connections(const std::string& result) {
        return metric(broker().ready().http,
                      "millrace_connections_total{listener=\"client\",result=\"" + result + "\"}");
    }

    MemoryGroup group_{kMemoryMax};
    int served_ = 0;
};

TEST_F(Crowd, OfTenThousandIdleConnectionsCostsLittle) {
    constexpr std::size_t kCount = 10'000;
    begin({"network.connections_max=10100"});
    const auto before = memory("VmRSS:");
    std::deque<RawClient> idle;
    for (std::size_t i = 0; i < kCount; ++i)
        idle.push_back(connect());
    EXPECT_LE((memory("VmRSS:") - before) / kCount, 32U * 1024);
    expect_honest_service();
    EXPECT_EQ(idle.back().ask(metadata_request({"t"})).error(), 0);
    EXPECT_EQ(idle.front().ask(metadata_request({"t"})).error(), 0);
}

// They pay from a pool of their own, and give way when others want it: who has said hello does not
// notice, and who comes anew waits a moment.
TEST_F(Crowd, OfSilentConnectionsHoldsNobodyUp) {
    begin({"network.connections_max=3000"});
    auto greeted = connect();
    std::deque<RawClient> silent;
    for (int i = 0; i < 2000; ++i) {
        silent.push_back(dial());
        silent.back().write(engine::Bytes(bytes_of(hello_request())).first(20));
    }
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(greeted.ask(metadata_request({"t"})).error(), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
    EXPECT_EQ(connect().ask(metadata_request({"t"})).error(), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
    silent.clear();
    expect_honest_service();
}

TEST_F(Crowd, BeyondTheLimitIsTurnedAwayAndNobodyElse) {
    begin({"network.connections_max=50"});
    std::deque<RawClient> clients;
    for (int i = 0; i < 40; ++i)
        clients.push_back(connect());
    int turned_away = 0;
    for (int i = 0; i < 40; ++i) {
        auto client = dial();
        client.write(hello_request());
        if (client.read()) {
            clients.push_back(std::move(client));
        } else {
            ++turned_away;
        }
    }
    EXPECT_GE(turned_away, 20);
    EXPECT_EQ(connections("turned_away"), turned_away);
    EXPECT_THAT(broker().log(), HasSubstr("network.connections_max are open"));
    for (auto& client : clients)
        EXPECT_EQ(client.ask(metadata_request({"t"})).error(), 0);
    clients.clear();
}

TEST_F(Crowd, ThatNeverReadsIsBounded) {
    begin({});
    const std::string value(1'000'000, 'v');
    std::vector<Record> records(20, record_of("t", value));
    for (auto& record : records)
        record.partition = 0;
    send_all(records);
    std::deque<RawClient> deaf;
    const auto request = fetch_request({{.key = key(), .bytes_max = 8U << 20}}, {.wait_max_ms = 0});
    for (int i = 0; i < 200; ++i) {
        deaf.push_back(connect());
        deaf.back().shrink_receive_buffer();
        for (int more = 0; more < 32; ++more)
            deaf.back().write(request);
    }
    expect_honest_service();
    EXPECT_EQ(connect().ask(request).error(), 0);
}

// An ordinary user has 1,024: connections get those that files will not need.
TEST(CrowdOfAnOrdinaryUser, OfMoreThanThereAreDescriptorsIsTurnedAway) {
    const DataDirectory directory(true);
    BrokerProcess broker({.data_directory = directory.path(),
                          .settings = {},
                          .arguments = {},
                          .ordinary_user = true});
    const auto server = broker.address();
    std::deque<RawClient> served;
    std::deque<RawClient> turned_away;
    for (int i = 0; i < 1200; ++i) {
        RawClient client(server);
        client.write(hello_request());
        (client.read() ? served : turned_away).push_back(std::move(client));
    }
    EXPECT_GT(served.size(), 500U);
    EXPECT_GT(turned_away.size(), 150U);
    for (int i = 0; i < 10; ++i)
        served.pop_back();
    // The broker hears of their end a little later.
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    auto connected = Client::connect({.addresses = server});
    while (!connected && std::chrono::steady_clock::now() < until)
        connected = Client::connect({.addresses = server});
    auto client = connected.value();
    NewTopic topic;
    topic.name = "t";
    topic.partitions = 20;
    EXPECT_TRUE(Admin::open(client).value().create_topic(topic));
    auto producer = Producer::open(client).value();
    for (std::uint32_t partition = 0; partition < topic.partitions; ++partition) {
        auto record = record_of("t", "value");
        record.partition = partition;
        EXPECT_TRUE(producer.send(record).get());
    }
    EXPECT_EQ(served.front().ask(metadata_request({"t"})).error(), 0);
    EXPECT_EQ(broker.stop(), 0) << broker.log();
}

}  // namespace
}  // namespace millrace::testing
