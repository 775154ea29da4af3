// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// `topic backup` of a running broker, and `topic restore` on another one.
#include "tests/support/broker_fixture.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stop_token>
#include <sys/stat.h>
#include <thread>

namespace millrace::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Json = nlohmann::json;

class BackupTest : public BrokerTest {
protected:
    // Some ten segments a partition, with a producer's sequences, and a checkpoint of the first.
    void fill(const std::string& topic = "orders", int records = 20'000) {
        create(topic, 3, {{"segment.bytes", "65536"}, {"retention.ms", "86400000"}});
        for (const auto* partition : {"0", "1", "2"})
            ASSERT_EQ(millrace({"produce", topic, "-p", partition}, lines(records / 3)).status, 0);
        restart();
        for (const auto* partition : {"0", "1", "2"})
            ASSERT_EQ(millrace({"produce", topic, "-p", partition}, lines(100)).status, 0);
    }

    static std::string lines(int count) {
        std::string all;
        for (int i = 0; i < count; ++i)
            all += "record " + std::to_string(i) + " of some length\n";
        return all;
    }

    [[nodiscard]] std::string out(const std::string& name = "backup") const {
        return (elsewhere_.path() / name).string();
    }

    // Of a broker: offset, key, value and timestamp of everything in a partition.
    static std::string records(const std::string& server,
                               const std::string& topic,
                               const std::string& partition) {
        const auto read = run_command({millrace_path(),
                                       "-s",
                                       server,
                                       "consume",
                                       topic,
                                       "-p",
                                       partition,
                                       "-e",
                                       "-f",
                                       "%o %T %k %v\n"});
        EXPECT_EQ(read.status, 0) << read.errors;
        return read.output;
    }

    // Another broker, with nothing in it.
    BrokerProcess& other() {
        if (other_ == nullptr) {
            other_ = std::make_unique<BrokerProcess>(
                    BrokerOptions{.data_directory = other_data_.path(),
                                  .settings = {"node.shards=3"},
                                  .arguments = {},
                                  .environment = {},
                                  .ordinary_user = false});
        }
        return *other_;
    }

    CommandResult restore(std::vector<std::string> more) {
        std::vector<std::string> command{
                millrace_path(), "-s", other().address(), "topic", "restore"};
        command.insert(command.end(), more.begin(), more.end());
        return run_command(command);
    }

    void expect_same(const std::string& from, const std::string& to) {
        for (const auto* partition : {"0", "1", "2"}) {
            const auto wanted = records(broker().address(), from, partition);
            EXPECT_FALSE(wanted.empty());
            EXPECT_TRUE(records(other().address(), to, partition) == wanted) << partition;
        }
    }

    DataDirectory elsewhere_;
    DataDirectory other_data_;
    std::unique_ptr<BrokerProcess> other_;
};

TEST_F(BackupTest, OpensElsewhereWithTheSameRecordsAtTheSameOffsets) {
    start();
    fill();
    ASSERT_EQ(millrace({"topic", "truncate", "orders", "-p", "1", "--before", "1000", "-y"}).status,
              0);
    const auto made = millrace({"topic", "backup", "orders", out(), "-o", "json"});
    ASSERT_EQ(made.status, 0) << made.errors;
    const auto json = Json::parse(made.output);
    EXPECT_EQ(json["topic"], "orders");
    EXPECT_EQ(json["partitions"][1]["start_offset"], 1000);
    for (const auto& row : json["partitions"]) {
        EXPECT_GT(row["linked_bytes"], 0);
        EXPECT_GT(row["copied_bytes"], 0);
    }
    const auto sound = run_command({millrace_path(), "segment", "verify", out()});
    EXPECT_EQ(sound.status, 0) << sound.output << sound.errors;

    const auto restored = restore({out(), "-o", "json"});
    ASSERT_EQ(restored.status, 0) << restored.errors;
    EXPECT_EQ(Json::parse(restored.output)["name"], "orders");
    expect_same("orders", "orders");
    const auto config = run_command(
            {millrace_path(), "-s", other().address(), "topic", "get", "orders", "-o", "json"});
    EXPECT_EQ(Json::parse(config.output)["config"]["segment.bytes"], "65536");
    EXPECT_FALSE(fs::exists(other_data_.path() / "restore"));

    // Its producers begin with ids that the records of the backup bear, too.
    const auto more = run_command(
            {millrace_path(), "-s", other().address(), "produce", "orders", "-p", "2"}, lines(10));
    EXPECT_EQ(more.status, 0) << more.errors;
    other().kill();
    other_ = nullptr;
    const auto end = records(other().address(), "orders", "2");
    EXPECT_THAT(end, HasSubstr("record 9 of some length"));
    EXPECT_GT(end.size(), records(broker().address(), "orders", "2").size());
    EXPECT_TRUE(records(other().address(), "orders", "1") ==
                records(broker().address(), "orders", "1"));
}

TEST_F(BackupTest, LinksWhatIsSealedAndSharesNothingThatIsWritten) {
    start();
    fill();
    ASSERT_EQ(millrace({"topic", "backup", "orders", out()}).status, 0);
    std::size_t linked = 0;
    for (const auto& entry : fs::directory_iterator(out() + "/topics/orders-0")) {
        struct stat status {};

        ASSERT_EQ(stat(entry.path().c_str(), &status), 0);
        linked += status.st_nlink == 2 ? 1 : 0;
    }
    EXPECT_GT(linked, 3U);
    ASSERT_EQ(restore({out()}).status, 0);
    for (const auto& entry : fs::recursive_directory_iterator(other_data_.path() / "topics")) {
        struct stat status {};

        ASSERT_EQ(stat(entry.path().c_str(), &status), 0);
        EXPECT_TRUE(entry.is_directory() || status.st_nlink == 1) << entry.path();
    }
    // What the broker does afterwards leaves the backup as it is.
    ASSERT_EQ(millrace({"topic", "truncate", "orders", "-p", "0", "--before", "end", "-y"}).status,
              0);
    EXPECT_EQ(run_command({millrace_path(), "segment", "verify", out()}).status, 0);
}

// While records come in, and compaction replaces and retention removes what is being linked.
TEST_F(BackupTest, HoldsWhatWasAcknowledgedBeforeItBeganWhateverHappensMeanwhile) {
    start();
    create("state", 1, {{"cleanup.policy", "compact,delete"}, {"segment.bytes", "16384"}});
    std::atomic<int> acknowledged{0};
    std::jthread writer([&](const std::stop_token& ended) {
        auto producer = Producer::open(client()).value();
        for (int i = 0; !ended.stop_requested(); ++i) {
            const auto key = "k" + std::to_string(i % 7);
            const auto value = std::to_string(i) + std::string(200, 'v');
            auto record = record_of("state", value);
            record.key = key;
            if (!producer.send(record).get()) return;
            acknowledged = i;
        }
    });
    auto cleaning = admin();
    while (acknowledged < 500)
        std::this_thread::yield();
    for (int round = 0; round < 4; ++round) {
        const auto name = std::to_string(round);
        static_cast<void>(cleaning.compact_topic("state", false));
        // All keys were written again behind it.
        static_cast<void>(cleaning.delete_records({{{"state", 0}, acknowledged - 300}}));
        const auto before = acknowledged.load();
        const auto made = millrace({"topic", "backup", "state", out(name), "-o", "json"});
        ASSERT_EQ(made.status, 0) << made.errors;
        const auto sound = run_command({millrace_path(), "segment", "verify", out(name)});
        ASSERT_EQ(sound.status, 0) << sound.output << sound.errors;
        const auto restored = restore({out(name), "--as", "state-" + name});
        ASSERT_EQ(restored.status, 0) << restored.errors << other().log();
        // The last record of every key is there, or a later one.
        std::map<std::string, int> last;
        std::istringstream all(records(other().address(), "state-" + name, "0"));
        for (std::string line; std::getline(all, line);) {
            std::istringstream words(line);
            std::int64_t offset = 0;
            std::int64_t time = 0;
            std::string key;
            int value = 0;
            words >> offset >> time >> key >> value;
            last[key] = value;
        }
        for (int i = before - 6; i <= before; ++i)
            EXPECT_GE(last["k" + std::to_string(i % 7)], i);
    }
}

TEST_F(BackupTest, ADamagedOneIsRefusedByName) {
    start();
    fill("orders", 2000);
    ASSERT_EQ(millrace({"topic", "backup", "orders", out()}).status, 0);
    const auto log = fs::path(out()) / "topics/orders-1/00000000000000000000.log";
    fs::copy_file(log, log.string() + ".copy");  // It may be a link.
    fs::rename(log.string() + ".copy", log);
    std::fstream(log, std::ios::in | std::ios::out | std::ios::binary).seekp(300).put('!');
    const auto refused = restore({out(), "-o", "json"});
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.errors, HasSubstr("restore_failed"));
    EXPECT_THAT(refused.errors, HasSubstr("00000000000000000000.log is damaged from offset 0 on"));
    EXPECT_FALSE(fs::exists(other_data_.path() / "restore"));
    EXPECT_EQ(restore({out() + "/topics"}).status, 1);
    EXPECT_EQ(millrace({"topic", "restore", out()}).status, 4);
}

TEST_F(BackupTest, OneWhosePartsAreOfDifferentBackupsIsRefused) {
    start();
    fill("orders", 2000);
    ASSERT_EQ(millrace({"topic", "backup", "orders", out("old")}).status, 0);
    ASSERT_EQ(millrace({"produce", "orders", "-p", "1"}, lines(10)).status, 0);
    ASSERT_EQ(millrace({"topic", "backup", "orders", out("new")}).status, 0);
    fs::copy_file(out("old") + "/backup.json",
                  out("new") + "/backup.json",
                  fs::copy_options::overwrite_existing);
    const auto refused = restore({out("new")});
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.errors, HasSubstr("not of the same backup"));
}

TEST_F(BackupTest, LeavesNoHalfOne) {
    start();
    fill("orders", 2000);
    const auto full = fs::path(out("full"));
    fs::create_directories(full);
    std::ofstream(full / "something").put('x');
    EXPECT_EQ(millrace({"topic", "backup", "orders", full.string()}).status, 4);
    EXPECT_EQ(std::distance(fs::directory_iterator(full), {}), 1);
    EXPECT_EQ(millrace({"topic", "backup", "nothing", out()}).status, 3);
    EXPECT_FALSE(fs::exists(out()));
    fs::rename(data() / "meta.json", data() / "meta.kept");
    const auto away = millrace({"topic", "backup", "orders", out()});
    EXPECT_EQ(away.status, 1);
    EXPECT_THAT(away.errors, HasSubstr("on the broker's machine"));
    EXPECT_FALSE(fs::exists(out()));
    fs::rename(data() / "meta.kept", data() / "meta.json");
}

}  // namespace
}  // namespace millrace::testing
