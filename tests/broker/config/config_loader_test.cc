// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/config/config_loader.h"

#include "broker/config/config_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace millrace::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ConfigLoader : public ::testing::Test {
protected:
    ConfigLoader() {
        std::string pattern = "/var/tmp/millrace-config-XXXXXX";
        directory_ = mkdtemp(pattern.data());
        inputs_.working_directory = "/somewhere";
    }

    ~ConfigLoader() override { std::filesystem::remove_all(directory_); }

    void write(const std::string& text) {
        inputs_.file = directory_ / "millraced.toml";
        std::ofstream(*inputs_.file) << text;
    }

    void environment(std::vector<const char*> entries) {
        environment_ = std::move(entries);
        environment_.push_back(nullptr);
        inputs_.environment = environment_.data();
    }

    NodeOptions load() {
        auto options = load_config(inputs_, machine_);
        if (!options) throw std::runtime_error(options.error().front());
        return *options;
    }

    ConfigProblems refused() {
        auto options = load_config(inputs_, machine_);
        return options ? ConfigProblems{} : options.error();
    }

    static ConfigValue effective(const NodeOptions& options, std::string_view key) {
        for (const auto& value : options.effective) {
            if (value.key == key) return value;
        }
        return {};
    }

    std::filesystem::path directory_;
    ConfigInputs inputs_;
    Machine machine_{.cores = 4, .memory_bytes = 8ULL << 30, .state_directory = "/home/u/state"};
    std::vector<const char*> environment_;
};

TEST_F(ConfigLoader, NeedsNothing) {
    const auto options = load();
    EXPECT_EQ(options.data_directory, "/home/u/state/millrace");
    EXPECT_EQ(options.shards, 4U);
    EXPECT_EQ(options.memory_total, 1ULL << 30);
    ASSERT_EQ(options.listeners.size(), 1U);
    EXPECT_EQ(options.listeners[0].name, "client");
    EXPECT_EQ(options.listeners[0].bind, "127.0.0.1:9192");
    EXPECT_EQ(options.topic_defaults, NodeOptions{}.topic_defaults);
    EXPECT_EQ(options.topic_defaults.retention_ms, 7LL * 24 * 3600 * 1000);
    EXPECT_EQ(options.lock_wait, std::chrono::seconds(60));
}

TEST_F(ConfigLoader, GivesEveryFieldItsKey) {
    write(R"(
[node]
id = 7
data_dir = "/data"
shards = 3
spin = "20us"
lock_wait = "1500 ms"
[log]
level = "warning"
[listener.inside]
bind = "unix:/run/x.sock"
[listener.outside]
bind = "0.0.0.0:9192"
advertise = "a.example:9192"
[security]
allow_unauthenticated = true
[engine]
io = "threads"
[wal]
bytes = "128MiB"
commit = "ring"
groups_in_flight = 3
[memory]
total = "512MiB"
[network]
request_bytes_max = "2MiB"
requests_in_flight_max = 10
bytes_in_flight_max = "4MiB"
connections_max = 99
[topic]
auto_create = true
partitions = 5
durability = "written"
max_message_bytes = "500kB"
segment.bytes = "1MiB"
segment_ms = "1h"
index_interval_bytes = "4KiB"
message_timestamp_type = "LogAppendTime"
message_timestamp_after_max_ms = "1min"
message_timestamp_before_max_ms = "2d"
)");
    const auto options = load();
    EXPECT_EQ(options.node_id, 7);
    EXPECT_EQ(options.data_directory, "/data");
    EXPECT_EQ(options.shards, 3U);
    EXPECT_EQ(options.spin, std::chrono::microseconds(20));
    EXPECT_EQ(options.lock_wait, std::chrono::seconds(2));
    EXPECT_EQ(options.log_level, engine::Level::warning);
    ASSERT_EQ(options.listeners.size(), 2U);
    EXPECT_EQ(options.listeners[0].bind, "unix:/run/x.sock");
    EXPECT_EQ(options.listeners[1].advertised_host, "a.example");
    EXPECT_EQ(options.listeners[1].advertised_port, 9192);
    EXPECT_TRUE(options.allow_unauthenticated);
    EXPECT_EQ(options.io, engine::IoChoice::threads);
    EXPECT_EQ(options.wal_bytes, 128ULL << 20);
    EXPECT_EQ(options.commit, engine::CommitMode::ring);
    EXPECT_EQ(options.groups_in_flight, 3U);
    EXPECT_EQ(options.memory_total, 512ULL << 20);
    EXPECT_EQ(options.request_bytes_max, 2U << 20);
    EXPECT_EQ(options.requests_in_flight_max, 10U);
    EXPECT_EQ(options.bytes_in_flight_max, 4U << 20);
    EXPECT_EQ(options.connections_max, 99U);
    EXPECT_TRUE(options.auto_create_topics);
    EXPECT_EQ(options.default_partitions, 5U);
    const engine::LogConfig topic{.durability = engine::Durability::written,
                                  .message_bytes_max = 500'000,
                                  .segment_bytes = 1 << 20,
                                  .segment_ms = 3'600'000,
                                  .index_interval_bytes = 4096,
                                  .log_append_time = true,
                                  .timestamp_after_max_ms = 60'000,
                                  .timestamp_before_max_ms = 2LL * 24 * 3600 * 1000,
                                  .retention_ms = 7LL * 24 * 3600 * 1000};
    EXPECT_EQ(options.topic_defaults, topic);
}

TEST_F(ConfigLoader, LetsTheStrongerSourceWinAndSaysWhichItWas) {
    write("[node]\nid = 1\nshards = 2\nspin = \"1us\"\n");
    environment({"MILLRACE__NODE__SHARDS=3", "MILLRACE__NODE__SPIN=2us", "MILLRACE_SERVER=x"});
    inputs_.assignments = {"node.spin=3us", "node.spin=4us"};
    const auto options = load();
    EXPECT_EQ(options.node_id, 1);
    EXPECT_EQ(options.shards, 3U);
    EXPECT_EQ(options.spin, std::chrono::microseconds(4));
    EXPECT_EQ(effective(options, "node.id").source, ConfigSource::broker_file);
    EXPECT_EQ(effective(options, "node.shards").source, ConfigSource::environment);
    EXPECT_EQ(effective(options, "node.spin").source, ConfigSource::command_line);
    EXPECT_EQ(effective(options, "engine.io").source, ConfigSource::default_value);
    EXPECT_EQ(effective(options, "node.spin").value, "4us");
    EXPECT_EQ(effective(options, "node.spin").default_value, "0s");
}

TEST_F(ConfigLoader, TakesABareWordForAString) {
    inputs_.assignments = {"engine.io=threads",
                           "listener.client.bind=127.0.0.1:0",
                           "node.lock_wait=\"1s\"",
                           "node.shards=2"};
    const auto options = load();
    EXPECT_EQ(options.io, engine::IoChoice::threads);
    EXPECT_EQ(options.listeners[0].bind, "127.0.0.1:0");
    EXPECT_EQ(options.lock_wait, std::chrono::seconds(1));
    EXPECT_EQ(options.shards, 2U);
}

TEST_F(ConfigLoader, NamesPlaceAndNearestKeyOfAnUnknownOne) {
    write("[node]\nid = 1\nshrads = 2\n");
    EXPECT_THAT(refused(),
                ElementsAre(inputs_.file->string() +
                            ":3:1: unknown key node.shrads; the nearest one is node.shards"));
}

TEST_F(ConfigLoader, FindsEverythingThatIsWrongAtOnce) {
    write("[node]\nshards = \"two\"\n[memory]\ntotal = 1000\n");
    environment({"MILLRACE__ENGINE__IO=fast"});
    inputs_.assignments = {"node.shards_=1"};
    const auto problems = refused();
    ASSERT_EQ(problems.size(), 4U);
    EXPECT_THAT(problems[0], HasSubstr(":2:1: node.shards must be a whole number"));
    EXPECT_THAT(problems[1], HasSubstr("MILLRACE__ENGINE__IO: engine.io must be one of auto"));
    EXPECT_THAT(problems[2], HasSubstr("\"1000B\"?"));
    EXPECT_THAT(problems[3], HasSubstr("--set node.shards_: unknown key"));
}

TEST_F(ConfigLoader, PointsAtBrokenToml) {
    write("[node]\nid = = 1\n");
    const auto problems = refused();
    ASSERT_FALSE(problems.empty());
    EXPECT_THAT(problems[0], HasSubstr("millraced.toml:2:"));
}

TEST_F(ConfigLoader, RefusesAFileThatIsNotThere) {
    inputs_.file = directory_ / "none.toml";
    EXPECT_THAT(refused(), ElementsAre(HasSubstr("No such file")));
}

TEST_F(ConfigLoader, BeginsARelativeDataDirectoryAtTheFileThatNamesIt) {
    write("[node]\ndata_dir = \"data/\"\n");
    EXPECT_EQ(load().data_directory, directory_ / "data");
    inputs_.assignments = {"node.data_dir=./other"};
    EXPECT_EQ(load().data_directory, "/somewhere/other");
    inputs_.data_directory = "third";
    EXPECT_EQ(load().data_directory, "/somewhere/third");
    inputs_ = {};
    environment({"MILLRACE__NODE__DATA_DIR=fourth"});
    EXPECT_THAT(refused(), ElementsAre(HasSubstr("must be an absolute path")));
}

TEST_F(ConfigLoader, KeepsTheNameOfItsOwnSocket) {
    inputs_.assignments = {"listener.local.bind=127.0.0.1:1"};
    EXPECT_THAT(refused(), ElementsAre(HasSubstr("millraced.sock")));
    inputs_.assignments = {"listener.b.advertise=h:1"};
    EXPECT_THAT(refused(), ElementsAre(HasSubstr("listener.b.bind is missing")));
}

TEST_F(ConfigLoader, TakesAnAdvertisedAddressApart) {
    inputs_.assignments = {"listener.client.advertise=[2001:db8::7]:9192"};
    EXPECT_EQ(load().listeners[0].advertised_host, "2001:db8::7");
    for (const std::string wrong :
         {"h", "h:", ":9192", "h:0", "h:65536", "h:9192x", "2001:db8::7:9192", "[h]:9192"}) {
        inputs_.assignments = {"listener.client.advertise='" + wrong + "'"};
        EXPECT_THAT(refused(), ElementsAre(HasSubstr("must be HOST:PORT"))) << wrong;
    }
}

TEST_F(ConfigLoader, KnowsSectionsThatHoldNothing) {
    write("[node]\n[listener]\n[listener.b]\n");
    EXPECT_THAT(refused(), ElementsAre(HasSubstr("3:11: listener.b.bind is missing")));
    write("[node]\n[listener]\n[listener.client]\n[topic]\n");
    EXPECT_EQ(load().listeners.size(), 1U);
    write("[nodes]\n");
    EXPECT_THAT(refused(), ElementsAre(HasSubstr("1:2: unknown section [nodes]")));
    write("[listener.b]\n");
    inputs_.assignments = {"listener.b.bind=127.0.0.1:0"};
    EXPECT_EQ(load().listeners.size(), 1U);
}

TEST_F(ConfigLoader, RefusesLimitsThatContradictEachOther) {
    inputs_.assignments = {"network.bytes_in_flight_max=1MiB"};
    EXPECT_THAT(refused(), ElementsAre(HasSubstr("--set network.bytes_in_flight_max: ")));
}

TEST_F(ConfigLoader, HasASentenceForEveryKey) {
    for (const auto& key : config_keys()) {
        EXPECT_GT(key.sentence.size(), 10U) << key.name;
        EXPECT_EQ(key.sentence.back(), '.') << key.name;
        EXPECT_TRUE(!key.default_value.empty() || !key.default_phrase.empty()) << key.name;
        EXPECT_EQ(find_key(key.name), &key);
    }
}

}  // namespace
}  // namespace millrace::broker
