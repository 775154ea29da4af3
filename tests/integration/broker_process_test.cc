// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millraced as an operator meets it: starts, refusals, stops.
#include "tests/support/broker_fixture.h"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

namespace millrace::testing {
namespace {

using ::testing::HasSubstr;

class Broker : public BrokerTest {
protected:
    [[nodiscard]] CommandResult millraced(std::vector<std::string> arguments) const {
        std::vector<std::string> command{millraced_path(), "--data-dir", data()};
        command.insert(command.end(), arguments.begin(), arguments.end());
        return run_command(command);
    }
};

TEST_F(Broker, SaysWhereItIsAndThatItIsOpen) {
    start();
    const auto log = broker().log();
    EXPECT_THAT(log, HasSubstr(std::filesystem::absolute(data()).string()));
    EXPECT_THAT(log, HasSubstr(broker().address()));
    EXPECT_THAT(log, HasSubstr("no authentication: loopback only"));
    EXPECT_THAT(log, HasSubstr("io=" + broker().ready().io));
    EXPECT_EQ(broker().ready().pid, broker().process().pid());
    EXPECT_EQ(broker().ready().shards, 2U);
}

TEST_F(Broker, KeepsItsUnixSocketToItsOwner) {
    start();

    struct stat status {};

    ASSERT_EQ(stat((data() / "run/millraced.sock").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(Broker, StopsCleanlyAndLeavesEveryRecordInSegmentFiles) {
    start();
    create("orders", 1);
    const std::string value(5000, 'v');
    for (int i = 0; i < 10; ++i)
        send(record_of("orders", value));
    EXPECT_EQ(broker().stop(), 0) << broker().log();
    const auto segments = files("/topics/orders-0/00000000000000000000.log");
    ASSERT_EQ(segments.size(), 1U);
    EXPECT_GT(std::filesystem::file_size(segments.front()), 50'000U);
}

// As far as binding an address that is taken, which is behind everything that opens files.
TEST_F(Broker, StartsWithoutStandardInputOutputAndError) {
    start();
    const auto refused = run_command({"sh",
                                      "-c",
                                      "exec \"$0\" \"$@\" <&- >&- 2>&-",
                                      millraced_path(),
                                      "--data-dir",
                                      data().string() + "-2",
                                      "--set",
                                      "listener.client.bind=" + broker().address()});
    EXPECT_EQ(refused.status, 2);
    std::filesystem::remove_all(data().string() + "-2");
}

TEST_F(Broker, RefusesADirectoryThatAnotherOneUses) {
    start();
    const auto second = millraced(
            {"--set", "listener.client.bind=127.0.0.1:0", "--set", "node.lock_wait=\"1s\""});
    EXPECT_EQ(second.status, 2);
    EXPECT_THAT(second.errors, HasSubstr("lock"));
}

TEST_F(Broker, RefusesToListenToTheWorldWithoutAuthentication) {
    const auto open = millraced({"--set", "listener.client.bind=0.0.0.0:0"});
    EXPECT_EQ(open.status, 2);
    EXPECT_THAT(open.errors, HasSubstr("security.allow_unauthenticated"));
    EXPECT_FALSE(std::filesystem::exists(data()));
}

TEST_F(Broker, NamesTheNearestKeyOfAWrongOneWithItsPlace) {
    const auto config = data().parent_path() / "millraced.toml";
    std::ofstream(config) << "[node]\nid = 1\nshrads = 2\n";
    const auto refused = millraced({"--config", config, "--check"});
    EXPECT_EQ(refused.status, 2);
    EXPECT_THAT(refused.errors, HasSubstr("millraced.toml:3:1"));
    EXPECT_THAT(refused.errors, HasSubstr("node.shards"));
}

TEST_F(Broker, ChecksAConfigurationWithoutTouchingTheDirectory) {
    EXPECT_EQ(millraced({"--check"}).status, 0);
    EXPECT_FALSE(std::filesystem::exists(data()));
}

TEST_F(Broker, RefusesADirectoryOfALaterVersionAndNamesBoth) {
    start();
    ASSERT_EQ(broker().stop(), 0);
    auto meta = nlohmann::json::parse(read_file(data() / "meta.json"));
    meta["format_version"] = 99;
    std::ofstream(data() / "meta.json") << meta.dump();
    const auto refused = millraced({"--set", "listener.client.bind=127.0.0.1:0"});
    EXPECT_EQ(refused.status, 2);
    EXPECT_THAT(refused.errors, HasSubstr("99"));
    EXPECT_THAT(refused.errors, HasSubstr("1"));
}

TEST_F(Broker, ServesTheSameOverEitherBackend) {
    for (const std::string io : {"uring", "threads"}) {
        start({"node.shards=2", "engine.io=" + io});
        EXPECT_EQ(broker().ready().io, io);
        if (io == "uring") create("orders", 4);
        for (std::uint32_t partition = 0; partition < 4; ++partition) {
            auto record = record_of("orders", io);
            record.partition = partition;
            EXPECT_EQ(send(record), io == "uring" ? 0 : 1);
        }
        EXPECT_EQ(broker().stop(), 0);
    }
}

}  // namespace
}  // namespace millrace::testing
