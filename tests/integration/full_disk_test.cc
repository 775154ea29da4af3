// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A broker whose disk is full wherever it writes: it refuses, says so, serves what it has, and
// goes on by itself.
#include "tests/support/full_disk_fixture.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <random>
#include <stdexcept>

namespace millrace::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class FullDisk : public FullDiskTest {
protected:
    // Every block that the write-ahead log will ever need is its own.
    void start_with_whole_log() {
        start();
        create("t");
        ASSERT_FALSE(send("t", 2 * kLogBytes));
    }

    static std::uint64_t random_seed() {
        const char* given = std::getenv("MILLRACE_TEST_SEED");
        return given != nullptr ? std::stoull(given) : std::random_device()();
    }

    // What a start says that is refused; empty: it was not.
    std::string refused_start() {
        try {
            start();
        } catch (const std::runtime_error& refused) {
            return refused.what();
        }
        return {};
    }
};

// The broker looks at free space once a second. What is filled right after a look is met by the
// log's frontier; should the machine be too slow for that, once more on a fresh directory.
TEST_P(FullDisk, WhereTheLogCannotGrowRefusesUntilThereIsRoom) {
    std::optional<Error> refused;
    ASSERT_TRUE(eventually([&] {
        if (fs::exists(data())) {
            broker().kill();
            ballast().give_back();
            fs::remove_all(data());
            forget();
        }
        start();
        create("t");
        EXPECT_FALSE(send("t", kRecordBytes));
        fill();
        refused = send("t", kLogBytes, kPatience);
        return logged("wal.no_room");
    }));
    EXPECT_THAT(broker().log(), HasSubstr("errno=28"));
    expect_storage_full(refused);
    expect_told();
    expect_everything_readable();
    expect_recovery("t");
}

// Nothing comes in, so that the log needs nothing and nobody looks: the flusher alone hears of it.
TEST_P(FullDisk, WhereASegmentCannotBeWrittenRefusesUntilThereIsRoom) {
    start_with_whole_log();
    create("new");
    ASSERT_FALSE(send("new", kLogBytes / 16));
    fill();
    EXPECT_TRUE(eventually([&] { return logged("segment.no_room"); }));
    EXPECT_FALSE(logged("wal.no_room"));
    expect_told();
    expect_refusal("new");
    expect_everything_readable();
    expect_recovery("new");
    EXPECT_TRUE(logged("broker.stopped"));
}

// The slots have their blocks from the first start on. One that was lost is made anew, and a
// checkpoint needs both.
TEST_P(FullDisk, WhereACheckpointCannotBeWrittenRefusesUntilThereIsRoom) {
    start_with_whole_log();
    // Once more where the log wanted blocks for itself just then, which it has from then on.
    ASSERT_TRUE(eventually([&] {
        ballast().give_back();
        EXPECT_EQ(broker().stop(), 0);
        fs::remove(data() / "checkpoint.b");
        start();
        EXPECT_FALSE(send("t", kRecordBytes));
        fill_nearly();
        const auto anything_refused = [&] {
            return logged("checkpoint.abandoned") || logged("wal.no_room") ||
                   logged("segment.no_room");
        };
        return eventually(anything_refused) && logged("checkpoint.abandoned");
    }));
    expect_told();
    expect_refusal("t");
    expect_everything_readable();
    expect_recovery("t");
}

TEST_P(FullDisk, WhereTopicsCannotBeChangedStillLetsThemBeDeletedWhichMakesRoom) {
    start_with_whole_log();
    create("kept");
    ASSERT_FALSE(send("kept", kRecordBytes));
    fill();
    expect_refusal("kept");
    const auto created = admin().create_topic({"another", 1, {}});
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().code, ErrorCode::storage_full) << created.error().message;
    EXPECT_THAT(created.error().message, AllOf(HasSubstr("disk is full"), HasSubstr("deleting")));
    const auto altered =
            admin().alter_topic_config("kept", {{.key = "retention.ms", .value = "1000000"}});
    ASSERT_FALSE(altered);
    EXPECT_EQ(altered.error().code, ErrorCode::storage_full) << altered.error().message;
    expect_told();

    forget("t");
    const auto deleted = admin().delete_topic("t");
    ASSERT_TRUE(deleted) << deleted.error().message;
    EXPECT_TRUE(eventually([&] { return !send("kept", kRecordBytes, kPatience); }));
    create("another");
    expect_everything_readable();
    expect_recovery("another");
}

TEST_P(FullDisk, StopsAndStartsWithEverythingThatWasAcknowledged) {
    start_with_whole_log();
    create("new");
    ASSERT_FALSE(send("new", kLogBytes / 16));
    fill();
    expect_refusal("new");
    for (const bool kill : {true, false}) {
        if (kill) {
            broker().kill();
        } else {
            EXPECT_EQ(broker().stop(), 0) << broker().log();
        }
        start();
        expect_everything_readable();
        expect_refusal("new");
        expect_told();
    }
    expect_recovery("new");
}

// With every amount of room that is too little for a start, and the first that is enough.
TEST_P(FullDisk, RefusesAFirstStartWithWhatToDoAndLeavesNothingInItsWay) {
    const bool blocks = GetParam() == Shortage::blocks;
    const std::uint64_t step = blocks ? 128U << 10 : 1;
    int refused_starts = 0;
    for (std::uint64_t left = 0;; left += left < 2 * step && blocks ? 4096 : step) {
        SCOPED_TRACE("left: " + std::to_string(left));
        ASSERT_LE(left, 128 * step);
        blocks ? ballast().take_blocks(left) : ballast().take_inodes(left);
        const auto refused = refused_start();
        if (refused.empty()) break;
        ++refused_starts;
        EXPECT_THAT(refused, AllOf(HasSubstr(data().string()), HasSubstr("No space left")));
        EXPECT_THAT(refused, HasSubstr("make space, or inodes, and start again"));
        ballast().give_back();
        if (HasFailure()) return;
        if (refused_starts % 4 == 0) fs::remove_all(data());
    }
    EXPECT_GT(refused_starts, blocks ? 10 : 5);
    ballast().give_back();
    EXPECT_TRUE(eventually([&] { return !logged("storage.full") || logged("storage.has_space"); }));
    create("t");
    expect_recovery("t");
}

// Neither a certain place nor a certain moment: what falls together, nobody has thought of.
TEST_P(FullDisk, ThatComesAndGoesAtRandomEndsNothingAndLosesNothing) {
    const auto seed = random_seed();
    SCOPED_TRACE("seed: " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto below = [&random](std::uint64_t bound) { return random() % bound; };
    start();
    const std::vector<std::string> topics{"a", "b", "c"};
    for (const auto& topic : topics)
        create(topic, {{"segment.bytes", "1048576"}});
    for (int round = 0; round < 40 && !HasFailure(); ++round) {
        ballast().give_back();
        const auto what = below(4);
        if (what == 1) ballast().take_blocks(below(16) << 20);
        if (what == 2) ballast().take_inodes(below(8));
        if (what == 3) fill();
        for (const auto& topic : topics)
            static_cast<void>(send(topic, below(16) * kRecordBytes, kPatience / 8));
        if (below(8) == 0) kill_and_start();
        if (below(8) == 0) {
            EXPECT_EQ(broker().stop(), 0);
            start();
        }
    }
    expect_recovery("a");
}

INSTANTIATE_TEST_SUITE_P(Of,
                         FullDisk,
                         ::testing::Values(Shortage::blocks, Shortage::inodes),
                         [](const auto& shortage) {
                             return shortage.param == Shortage::blocks ? "Blocks" : "Inodes";
                         });

}  // namespace
}  // namespace millrace::testing
