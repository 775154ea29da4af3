// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Connecting, greeting, asking: against a broker that the test scripts.
#include "millrace/client.h"

#include "millrace/admin.h"
#include "millrace/version.h"
#include "tests/clients/cpp/support/fake_broker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <string>

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;

ClientOptions options_for(const std::string& addresses) {
    ClientOptions options;
    options.addresses = addresses;
    options.connect_timeout = 5s;
    options.request_timeout = 5s;
    options.reconnect_delay_min = 1ms;
    return options;
}

ErrorCode connect_error(const ClientOptions& options) {
    const auto client = Client::connect(options);
    return client ? ErrorCode::none : client.error().code;
}

TEST(Client, UsesTheFirstAddressThatAnswers) {
    std::string dead;
    {
        const FakeBroker gone;
        dead = gone.address();
    }
    const FakeBroker broker;
    const auto client = Client::connect(options_for(dead + "," + broker.address()));
    ASSERT_TRUE(client) << client.error().message;
    EXPECT_EQ(client->address(), broker.address());
    EXPECT_EQ(connect_error(options_for(dead)), ErrorCode::unreachable);
    EXPECT_EQ(connect_error(options_for("unix:/nowhere/at/all")), ErrorCode::unreachable);
}

TEST(Client, ResolvesNames) {
    const FakeBroker broker;
    const auto port = broker.address().substr(broker.address().find(':'));
    const auto client = Client::connect(options_for("localhost" + port));
    ASSERT_TRUE(client) << client.error().message;
    EXPECT_EQ(connect_error(options_for("name.invalid:1")), ErrorCode::unreachable);
}

TEST(Client, RefusesOptionsThatCannotBe) {
    EXPECT_EQ(connect_error(options_for("nonsense")), ErrorCode::invalid_address);
    auto options = options_for("127.0.0.1:1");
    options.request_timeout = 0ms;
    EXPECT_EQ(connect_error(options), ErrorCode::invalid_argument);
    options = options_for("127.0.0.1:1");
    options.name = std::string(129, 'n');
    EXPECT_EQ(connect_error(options), ErrorCode::invalid_argument);
}

TEST(Client, DoesNotTrustAPeerThatSpeaksSomethingElse) {
    FakeBroker broker;
    broker.intercept(wire::Api::hello, [](const FakeRequest&) {
        FakeAnswer answer;
        answer.kind = FakeAnswer::Kind::raw;
        const std::string text = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
        answer.payload.resize(text.size());
        std::memcpy(answer.payload.data(), text.data(), text.size());
        return answer;
    });
    EXPECT_EQ(connect_error(options_for(broker.address())), ErrorCode::protocol_violation);
}

TEST(Client, GivesUpOnAPeerThatSaysNothing) {
    FakeBroker broker;
    broker.intercept(wire::Api::hello, [](const FakeRequest&) { return FakeAnswer::silence(); });
    auto options = options_for(broker.address());
    options.connect_timeout = 20ms;
    EXPECT_EQ(connect_error(options), ErrorCode::timed_out);
}

TEST(Client, SaysWhoItIs) {
    FakeBroker broker;
    std::string said;
    broker.intercept(wire::Api::hello,
                     [&](const FakeRequest& request) -> std::optional<FakeAnswer> {
                         said.assign(reinterpret_cast<const char*>(request.payload.data()),
                                     request.payload.size());
                         return std::nullopt;
                     });
    auto options = options_for(broker.address());
    options.name = "the-name";
    ASSERT_TRUE(Client::connect(options));
    EXPECT_NE(said.find("the-name" + std::string(version())), std::string::npos);
}

class AdminTest : public ::testing::Test {
protected:
    Admin open(std::chrono::milliseconds request_timeout = 5s) {
        auto options = options_for(broker_.address());
        options.request_timeout = request_timeout;
        const auto client = Client::connect(options);
        EXPECT_TRUE(client);
        return *Admin::open(*client);
    }

    FakeBroker broker_;
};

TEST_F(AdminTest, MakesAndDescribesTopics) {
    auto admin = open();
    const auto made = admin.create_topic({"orders", 3, {}});
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->partitions, 3U);
    const auto described = admin.describe_topic("orders");
    ASSERT_TRUE(described);
    EXPECT_EQ(described->id, made->id);
    EXPECT_EQ(described->partitions.size(), 3U);
    const auto again = admin.create_topic({"orders", 3, {}});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::topic_exists);
    EXPECT_NE(again.error().message.find("orders"), std::string::npos);
    EXPECT_EQ(admin.describe_topic("missing").error().code, ErrorCode::unknown_topic);
}

TEST_F(AdminTest, SplitsLargeCallsToTheBrokersLimitsAndKeepsTheirOrder) {
    auto admin = open();
    std::vector<NewTopic> topics;
    for (std::uint32_t i = 0; i < 500; ++i)
        topics.push_back({"t" + std::to_string(i), i % 7 + 1, {}});
    const auto made = admin.create_topics(topics);
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_EQ(made->size(), topics.size());
    for (std::size_t i = 0; i < topics.size(); ++i) {
        EXPECT_EQ((*made)[i].name, topics[i].name);
        EXPECT_EQ((*made)[i].partitions, topics[i].partitions);
    }
    EXPECT_GT(broker_.requests(wire::Api::create_topics), 2U);
    const auto listed = admin.list_topics();
    ASSERT_TRUE(listed);
    EXPECT_EQ(listed->size(), topics.size());
}

TEST_F(AdminTest, AsksOneQuestionAboutAPartitionPerRequest) {
    broker_.change([](FakeTopics& topics) { topics.create("t", 2); });
    auto admin = open();
    const auto answers = admin.list_offsets({{{"t", 0}, Position::start()},
                                             {{"t", 0}, Position::end()},
                                             {{"t", 1}, Position::end()},
                                             {{"gone", 0}, Position::end()}});
    ASSERT_TRUE(answers) << answers.error().message;
    EXPECT_EQ((*answers)[0].offset, 0);
    EXPECT_EQ((*answers)[2].partition, (TopicPartition{"t", 1}));
    EXPECT_EQ((*answers)[3].error.code, ErrorCode::unknown_topic);
    EXPECT_EQ(broker_.requests(wire::Api::list_offsets), 2U);
}

TEST_F(AdminTest, AsksAgainAfterALostConnectionButChangesNothingTwice) {
    std::atomic<int> hang_ups{2};
    const auto interceptor = [&](const FakeRequest&) -> std::optional<FakeAnswer> {
        if (hang_ups-- > 0) return FakeAnswer::hang_up();
        return std::nullopt;
    };
    broker_.intercept(wire::Api::metadata, interceptor);
    broker_.intercept(wire::Api::create_topics, interceptor);
    auto admin = open();
    EXPECT_TRUE(admin.list_topics());
    hang_ups = 1;
    const auto made = admin.create_topic({"t", 1, {}});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::disconnected);
    EXPECT_EQ(broker_.requests(wire::Api::create_topics), 1U);
}

TEST_F(AdminTest, WaitsNoLongerThanTheRequestTimeout) {
    broker_.intercept(wire::Api::metadata,
                      [](const FakeRequest&) { return FakeAnswer::silence(); });
    auto admin = open(30ms);
    const auto listed = admin.list_topics();
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().code, ErrorCode::timed_out);
}

TEST_F(AdminTest, IsToldWhatTheBrokerDoesNotSpeak) {
    auto admin = open();
    const auto described = admin.describe_cluster();
    ASSERT_FALSE(described);
    EXPECT_EQ(described.error().code, ErrorCode::unsupported_api);
}

}  // namespace
}  // namespace millrace::testing
