// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A broker in a world that is not as it should be.
#include "tests/support/broker_fixture.h"

#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <poll.h>

namespace millrace::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Surroundings : public BrokerTest {
protected:
    // What a broker says that does not start; as an ordinary user, whom permissions bind.
    [[nodiscard]] static std::string refusal(const fs::path& directory,
                                             std::vector<std::string> settings = {}) {
        try {
            BrokerProcess broker({.data_directory = directory,
                                  .settings = std::move(settings),
                                  .arguments = {},
                                  .ordinary_user = true});
        } catch (const std::runtime_error& refused) {
            return refused.what();
        }
        ADD_FAILURE() << "it started in " << directory;
        return {};
    }

    DataDirectory elsewhere_{true};
};

TEST_F(Surroundings, WithoutPermissionToWriteAreNamedWithWhatToDo) {
    fs::create_directories(elsewhere_.path());
    fs::permissions(elsewhere_.path(), fs::perms::owner_read | fs::perms::owner_exec);
    for (const auto& path : {elsewhere_.path(), elsewhere_.path() / "below"}) {
        EXPECT_THAT(refusal(path),
                    AllOf(HasSubstr(path.string() + " cannot be used: Permission denied"),
                          HasSubstr("it has to be writable for the user who runs the broker")))
                << path;
    }
    fs::permissions(elsewhere_.path(), fs::perms::owner_all);
}

TEST_F(Surroundings, ThatAreReadOnlyAreNamed) {
    const auto mounted = elsewhere_.path().parent_path() / "mounted";
    fs::create_directories(mounted);
    const auto mount = run_command({"mount", "-t", "tmpfs", "-o", "ro", "tmpfs", mounted});
    if (mount.status != 0) GTEST_SKIP() << "nothing can be mounted here: " << mount.errors;
    EXPECT_THAT(refusal(mounted), HasSubstr("cannot be used: Read-only file system"));
    run_command({"umount", mounted});
}

TEST_F(Surroundings, WhereTheDirectoryIsAFileOrSomebodyElsesAreNamed) {
    fs::create_directories(elsewhere_.path() / "others");
    std::ofstream(elsewhere_.path() / "file") << "x";
    std::ofstream(elsewhere_.path() / "others/notes.txt") << "x";
    EXPECT_THAT(refusal(elsewhere_.path() / "file"),
                HasSubstr("file cannot be used: Not a directory"));
    EXPECT_THAT(refusal(elsewhere_.path() / "others"),
                HasSubstr("is not a data directory of Millrace's: it has no meta.json but holds "
                          "notes.txt"));
}

TEST_F(Surroundings, WhereThePortIsTakenAreNamed) {
    start();
    EXPECT_THAT(refusal(elsewhere_.path(), {"listener.client.bind=" + broker().address()}),
                HasSubstr("listener.client: " + broker().address() + ": Address already in use"));
}

// Longer than a disk may take for a write before it counts as failed.
TEST_F(Surroundings, MayStandStillForAMinute) {
    start();
    create("t", 2);
    const auto connected = client();
    auto producer = Producer::open(connected).value();
    std::vector<std::future<Result<Ack>>> acks;
    const std::string value(100, 'v');
    const auto send_some = [&] {
        for (int i = 0; i < 2000; ++i) {
            auto record = record_of("t", value);
            record.partition = static_cast<std::uint32_t>(i % 2);
            acks.push_back(producer.send(record));
        }
    };
    send_some();
    broker().process().signal(SIGSTOP);
    send_some();
    poll(nullptr, 0, 61'000);
    broker().process().signal(SIGCONT);
    send_some();
    for (auto& ack : acks) {
        const auto outcome = ack.get();
        EXPECT_TRUE(outcome) << outcome.error().message;
    }
    EXPECT_GE(read("t", acks.size()).size(), acks.size());
    EXPECT_EQ(broker().stop(), 0) << broker().log();
}

}  // namespace
}  // namespace millrace::testing
