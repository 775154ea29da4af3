// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The power of a broker's disk is cut under load, again and again, on real file systems: what was
// acknowledged is there afterwards. That this could be seen is shown with a broker that does not
// flush.
#include "millrace/admin.h"
#include "tests/support/acked_history.h"
#include "tests/support/broker_process.h"
#include "tests/support/fuse_disk/power_disk.h"
#include "tests/support/mounted_image.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <memory>
#include <random>
#include <stdexcept>

namespace millrace::testing {
namespace {

constexpr std::uint32_t kPartitions = 6;
constexpr std::uint64_t kDiskBytes = 512UL << 20;
constexpr int kCutsPerDisk = 20;
// What is not answered when the cut comes is given up after so long: the length of a cycle.
constexpr std::chrono::milliseconds kDeliveryTimeout{500};

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines)
        text += line + "\n";
    return text;
}

// A loop device has a cache and no forced unit access: by itself a broker would always take the
// thread there, and what is written with RWF_DSYNC would never lose its power.
struct Writing {
    const char* io;
    const char* commit;
};

constexpr Writing kWritings[] = {
        {"uring", "ring"}, {"uring", "thread"}, {"threads", "ring"}, {"threads", "thread"}};

// One disk, its broker, and what was promised.
class PoweredBroker {
public:
    PoweredBroker(const std::string& file_system, std::string program)
            : disk_(std::make_unique<PowerDisk>(folder_.path(), kDiskBytes, file_system)),
              program_(std::move(program)) {}

    [[nodiscard]] const PowerDisk& disk() const { return *disk_; }

    // What is wrong with what the last cut has left.
    std::vector<std::string> check() {
        BrokerProcess broker(options({.io = "uring", .commit = "ring"}));
        return history_.verify(broker.address());
    }

    // The same; then the power goes under load. False: nothing was acknowledged in time for a cut.
    bool cut(const Writing& writing, std::uint64_t seed, std::vector<std::string>& wrong) {
        std::mt19937_64 random(seed);
        BrokerProcess broker(options(writing));
        if (!topic_made_) make_topic(broker.address());
        wrong = history_.verify(broker.address());
        if (!wrong.empty()) return false;
        const auto cut_at = 1 + random() % 600;
        const auto cut_seed = random();
        const bool awaits_writes = random() % 2 == 0;
        bool is_cut = false;
        history_.produce(
                broker.address(), cut_at + 600, kDeliveryTimeout, [&](std::uint64_t acked) {
                    if (acked != cut_at) return;
                    if (awaits_writes) await_unflushed();
                    disk_->cut_power(cut_seed);
                    history_.take_no_more_promises();  // What is flushed now goes nowhere.
                    is_cut = true;
                    broker.process().signal(SIGKILL);
                });
        broker.kill();
        if (!is_cut) return false;
        if (disk_->count("lost") > 0) ++taking_cuts_;
        disk_->restore();
        return true;
    }

    // Those that have set a sector back.
    [[nodiscard]] std::uint64_t taking_cuts() const { return taking_cuts_; }

private:
    [[nodiscard]] BrokerOptions options(const Writing& writing) const {
        return {.data_directory = disk_->path() / "data",
                .settings = {"node.shards=1",
                             std::string("engine.io=") + writing.io,
                             std::string("wal.commit=") + writing.commit},
                .arguments = {},
                .side_folder = folder_.path(),
                .environment = {},
                .program = program_};
    }

    // Right after an acknowledgement there is often nothing that a cut could take.
    void await_unflushed() const {
        for (int look = 0; look < 500 && disk_->count("unflushed") == 0; ++look) {
        }
    }

    void make_topic(const std::string& address) {
        auto client = Client::connect({.addresses = address});
        ASSERT_TRUE(client) << client.error().message;
        auto admin = Admin::open(*client);
        ASSERT_TRUE(admin) << admin.error().message;
        NewTopic topic{.name = "cut", .partitions = kPartitions, .config = {}};
        topic.config.emplace_back("segment.bytes", "65536");
        const auto created = admin->create_topic(topic);
        ASSERT_TRUE(created) << created.error().message;
        topic_made_ = true;
    }

    DataDirectory folder_;
    std::unique_ptr<PowerDisk> disk_;
    std::string program_;
    AckedHistory history_{"cut", kPartitions};
    bool topic_made_ = false;
    std::uint64_t taking_cuts_ = 0;
};

class PowerCut : public ::testing::TestWithParam<std::string> {
protected:
    // Null: not on this machine.
    static std::unique_ptr<PoweredBroker> broker_on(const std::string& file_system,
                                                    const char* program_variable) {
        auto broker = std::make_unique<PoweredBroker>(file_system, std::getenv(program_variable));
        if (broker->disk().refusal().empty()) return broker;
        const bool has_fuse = std::filesystem::exists("/dev/fuse");
        EXPECT_FALSE(has_fuse && must_mount()) << broker->disk().refusal();
        return nullptr;
    }

    static bool is_noticed(PoweredBroker& broker, const Writing& writing) {
        std::vector<std::string> wrong;
        try {
            for (std::uint64_t seed = 1; seed <= 20 && wrong.empty(); ++seed)
                static_cast<void>(broker.cut(writing, seed, wrong));
        } catch (const std::runtime_error& refused) {
            // Groups that were said to be flushed are not there: the broker notices, too.
            EXPECT_NE(std::string_view(refused.what()).find("wal."), std::string_view::npos)
                    << refused.what();
            return true;
        }
        return !wrong.empty();
    }
};

INSTANTIATE_TEST_SUITE_P(FileSystems,
                         PowerCut,
                         ::testing::Values("ext4", "xfs"),
                         [](const auto& name) { return name.param; });

TEST_P(PowerCut, LosesNothingAcknowledged) {
    const auto seconds = std::chrono::seconds(number_from("MILLRACE_CUT_SECONDS", 0));
    const auto until = std::chrono::steady_clock::now() + seconds;
    auto seed = number_from("MILLRACE_CUT_SEED", 1);
    std::uint64_t cuts = 0;
    std::uint64_t taking_cuts = 0;
    // Without a budget: a few, but not before one of them has taken something.
    const auto spent = [&](std::uint64_t taking) {
        if (seconds.count() > 0) return std::chrono::steady_clock::now() >= until;
        return cuts >= 8 && (taking > 0 || cuts >= 40);
    };
    while (!spent(taking_cuts)) {
        auto broker = broker_on(GetParam(), "MILLRACE_TEST_MILLRACED");
        if (broker == nullptr) GTEST_SKIP() << "no disk whose power could be cut";
        std::vector<std::string> wrong;
        const auto enough = [&] { return spent(taking_cuts + broker->taking_cuts()); };
        for (int cycle = 0; cycle < kCutsPerDisk && !enough(); ++cycle, ++seed) {
            SCOPED_TRACE("cycle " + std::to_string(cycle) + " with seed " + std::to_string(seed));
            const auto& writing = kWritings[seed % std::size(kWritings)];
            if (broker->cut(writing, seed, wrong)) ++cuts;
            ASSERT_TRUE(wrong.empty()) << joined(wrong);
        }
        wrong = broker->check();
        ASSERT_TRUE(wrong.empty()) << joined(wrong);
        taking_cuts += broker->taking_cuts();
    }
    EXPECT_GT(taking_cuts, 0U) << "no cut has taken anything";
    RecordProperty("cases", static_cast<int>(cuts));
    RecordProperty("distinct", static_cast<int>(taking_cuts));
}

TEST_P(PowerCut, IsNoticedWhereAnAcknowledgementDoesNotWaitForTheFlush) {
    // A test has time for one of them on each file system, a campaign for all.
    const bool all = number_from("MILLRACE_CUT_SECONDS", 0) > 0;
    const std::size_t only = GetParam() == "ext4" ? 0 : std::size(kWritings) - 1;
    for (std::size_t index = 0; index < std::size(kWritings); ++index) {
        if (!all && index != only) continue;
        const auto& writing = kWritings[index];
        auto broker = broker_on(GetParam(), "MILLRACE_TEST_UNFLUSHED_MILLRACED");
        if (broker == nullptr) GTEST_SKIP() << "no disk whose power could be cut";
        EXPECT_TRUE(is_noticed(*broker, writing))
                << "20 cuts have taken nothing from a broker that does not flush, engine.io="
                << writing.io << ", wal.commit=" << writing.commit;
    }
}

}  // namespace
}  // namespace millrace::testing
