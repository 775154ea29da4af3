// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Power cuts at every operation of a workload with rolls and recycling, and from there at every
// operation of the next start: what was acknowledged is there, in order, and nothing else.
#include "tests/engine/wal/wal_harness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace millrace::testing {
namespace {

using engine::Durability;
using engine::kKiB;
using engine::WriteSync;

struct Case {
    bool synced_writes = false;
    std::uint32_t sector_bytes = 512;
};

// A run that begins with replay and then appends numbered entries, one operation after the other.
class WalRun {
public:
    WalRun(const SimDisk& disk, const Case& with, const engine::WalPosition& from)
            : wal_(disk), from_(from), newer_(from), older_(from) {
        wal_.options.commit = with.synced_writes ? WriteSync::bytes : WriteSync::file;
        wal_.options.file_bytes = 32 * kKiB;
        wal_.options.bytes_max = 16 * wal_.options.file_bytes;
        wal_.options.first_frontier_bytes = 8 * kKiB;
    }

    // Replay; false when it refused.
    bool begin() {
        auto replayed = wal_.replay(from_);
        if (!replayed) return false;
        for (const auto& text : texts_of(*replayed))
            found_.push_back(std::stoll(text.text));
        next_ = (found_.empty() ? released_ : found_.back()) + 1;
        wal_.begin_start(std::move(*replayed));
        return true;
    }

    // At most one operation of the disk. `entries`: how many to append in all.
    bool step(std::int64_t entries) {
        const auto behind = static_cast<std::size_t>(entries);
        if (wal_.started && wal_.start_outcome && appended_.size() < behind) append();
        return wal_.step();
    }

    [[nodiscard]] SimDisk& disk() { return wal_.disk; }

    [[nodiscard]] const std::vector<std::int64_t>& found() const { return found_; }

    [[nodiscard]] const engine::WalPosition& newer() const { return newer_; }

    [[nodiscard]] const engine::WalPosition& older() const { return older_; }

    // The last entry that somebody was told is flushed.
    [[nodiscard]] std::int64_t acked() const {
        return std::max(acked_before_, wal_.sink.flushed.empty() ? 0 : wal_.sink.flushed.back());
    }

    [[nodiscard]] std::uint64_t recycled() const { return wal_.counters.wal_files_recycled; }

    [[nodiscard]] std::int64_t released() const { return released_; }

    [[nodiscard]] std::int64_t appended_to() const { return next_ - 1; }

    void expect(std::int64_t acked, std::int64_t released) {
        acked_before_ = acked;
        released_ = released;
    }

private:
    void append() {
        const auto unacked = appended_.size() - wal_.sink.flushed.size();
        if (unacked >= 5) return;
        const auto size = next_ % 5 == 0 ? 7000 : 1500;
        const auto text = std::to_string(next_) + filler(static_cast<std::size_t>(size));
        const bool plain = next_ % 3 == 1;
        if (!wal_.append(text, next_, plain ? Durability::written : Durability::synced)) return;
        appended_.push_back(next_++);
        if (appended_.size() % 6 == 0) checkpoint();
    }

    // A checkpoint covers what is flushed but the last two entries. Its slot is durable at once;
    // the files before the slot that it leaves in place are written over.
    void checkpoint() {
        const std::int64_t first = next_ - static_cast<std::int64_t>(wal_.uses.size());
        while (released_ + 2 < acked()) {
            ++released_;
            if (released_ < first) continue;
            wal_.wal->entry_released(*wal_.uses[static_cast<std::size_t>(released_ - first)]);
        }
        older_ = newer_;
        newer_ = wal_.wal->replay_start({});
        wal_.wal->recycle_before(older_);
    }

    WalHarness wal_;
    engine::WalPosition from_;
    engine::WalPosition newer_;
    engine::WalPosition older_;
    std::vector<std::int64_t> found_;
    std::vector<std::int64_t> appended_;
    std::int64_t next_ = 1;
    std::int64_t released_ = 0;
    std::int64_t acked_before_ = 0;
};

void expect_found(const WalRun& after, const WalRun& before) {
    const auto& found = after.found();
    for (std::size_t i = 1; i < found.size(); ++i)
        ASSERT_EQ(found[i], found[i - 1] + 1);
    const std::int64_t last = found.empty() ? before.released() : found.back();
    ASSERT_GE(last, before.acked());
    ASSERT_LE(last, std::max(before.appended_to(), before.released()));
    if (!found.empty()) {
        ASSERT_LE(found.front(), before.released() + 1);
    }
}

// None, all, and three times any of what was not flushed.
std::vector<SimDisk> power_cuts(const SimDisk& disk, std::uint32_t sector_bytes, unsigned seed) {
    std::vector<SimDisk> cuts;
    cuts.push_back(disk.crashed([] { return false; }, sector_bytes));
    cuts.push_back(disk.crashed([] { return true; }, sector_bytes));
    std::mt19937 random(seed);
    for (int i = 0; i < 3; ++i) {
        cuts.push_back(disk.crashed([&] { return random() % 2 == 0; }, sector_bytes));
    }
    return cuts;
}

class WalCrash : public ::testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(
        Modes,
        WalCrash,
        ::testing::Values(Case{false, 512}, Case{false, 4096}, Case{true, 512}, Case{true, 4096}),
        [](const auto& mode) {
            return std::string(mode.param.synced_writes ? "Ring" : "Thread") +
                   std::to_string(mode.param.sector_bytes);
        });

constexpr std::int64_t kEntries = 60;

TEST_P(WalCrash, LosesNothingAckedAtAnyOperation) {
    const SimDisk empty;
    WalRun run(empty, GetParam(), {});
    ASSERT_TRUE(run.begin());
    unsigned point = 0;
    do {
        for (const auto& cut : power_cuts(run.disk(), GetParam().sector_bytes, ++point)) {
            for (const auto& from : {run.newer(), run.older()}) {
                WalRun after(cut, GetParam(), from);
                ASSERT_TRUE(after.begin()) << "point " << point;
                ASSERT_NO_FATAL_FAILURE(expect_found(after, run)) << "point " << point;
            }
        }
    } while (run.step(kEntries));
    EXPECT_EQ(run.appended_to(), kEntries);
    // Otherwise the workload would prove nothing about writing files over.
    EXPECT_GE(run.recycled(), 2U);
}

TEST_P(WalCrash, LosesNothingAckedAtAnyOperationOfTheNextRunEither) {
    const SimDisk empty;
    WalRun first(empty, GetParam(), {});
    ASSERT_TRUE(first.begin());
    unsigned point = 0;
    do {
        if (++point % 9 != 0) continue;
        const auto cuts = power_cuts(first.disk(), GetParam().sector_bytes, point);
        for (const auto& cut : {cuts[0], cuts[1], cuts[2]}) {
            WalRun second(cut, GetParam(), first.newer());
            second.expect(first.acked(), first.released());
            ASSERT_TRUE(second.begin());
            unsigned inner = 0;
            do {
                if (++inner % 3 != 0) continue;
                const auto again = power_cuts(second.disk(), GetParam().sector_bytes, inner);
                for (const auto& state : {again[0], again[2]}) {
                    WalRun third(state, GetParam(), second.newer());
                    ASSERT_TRUE(third.begin()) << "points " << point << ", " << inner;
                    ASSERT_NO_FATAL_FAILURE(expect_found(third, second))
                            << "points " << point << ", " << inner;
                }
            } while (second.step(8));
        }
    } while (first.step(kEntries));
}

}  // namespace
}  // namespace millrace::testing
