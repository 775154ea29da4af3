// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/checkpoint_slots.h"

#include "engine/engine/checkpoint_writer.h"
#include "engine/units.h"
#include "tests/support/collected_events.h"
#include "tests/support/sim_storage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace millrace::testing {
namespace {

using engine::Arena;
using engine::Checkpoint;
using engine::CheckpointWriteOp;
using engine::CheckpointWriter;
using engine::Errc;
using engine::Error;
using engine::EventLog;
using engine::FileOpKind;
using engine::FoundCheckpoint;
using engine::kCheckpointAheadBytes;
using engine::kCheckpointSlots;
using engine::kMiB;
using engine::make_checkpoint_slots;
using engine::Offset;
using engine::read_checkpoint_slots;
using engine::Result;

const std::string kSlotA(kCheckpointSlots[0]);
const std::string kSlotB(kCheckpointSlots[1]);

Checkpoint checkpoint_of(std::uint64_t number, std::size_t partitions) {
    Checkpoint checkpoint;
    checkpoint.number = number;
    checkpoint.run_number = 3;
    checkpoint.shards = 1;
    checkpoint.partitions.resize(partitions);
    for (std::size_t index = 0; index < partitions; ++index) {
        checkpoint.partitions[index].key.partition = static_cast<std::uint32_t>(index);
        checkpoint.partitions[index].flushed_offset = Offset(static_cast<std::int64_t>(number));
    }
    return checkpoint;
}

class CheckpointSlots : public ::testing::Test {
protected:
    FoundCheckpoint make() {
        SimStorage storage(disk_);
        auto made = make_checkpoint_slots(storage, arena_, events_, 1);
        EXPECT_TRUE(made);
        return *made;
    }

    static Result<FoundCheckpoint> read(SimDisk& disk, Arena& arena, EventLog& events) {
        SimStorage storage(disk);
        return read_checkpoint_slots(storage, arena, events);
    }

    Result<FoundCheckpoint> read() { return read(disk_, arena_, events_); }

    Result<void> write(const FoundCheckpoint& found, const Checkpoint& checkpoint) {
        SimStorage storage(disk_);
        CheckpointWriter writer(storage, found, failed_);
        std::optional<Result<void>> outcome;
        CheckpointWriteOp op;
        op.owner = &outcome;
        op.done = [](CheckpointWriteOp& done) noexcept {
            *static_cast<std::optional<Result<void>>*>(done.owner) = done.outcome;
        };
        writer.write(checkpoint, op);
        while (!outcome) {
            storage.flush_submissions();
            storage.run_completions();
        }
        return *outcome;
    }

    void damage(const std::string& path) {
        std::array<std::byte, 4> bytes{};
        const auto contents = disk_.contents(path);
        std::transform(contents.begin(), contents.begin() + 4, bytes.begin(), [](std::byte byte) {
            return ~byte;
        });
        disk_.overwrite(path, 40, bytes);
    }

    // Writes number 3 over number 2, with power cuts before every operation.
    void write_with_cuts() {
        const auto before = read();
        ASSERT_TRUE(before);
        std::uint64_t cuts = 0;
        bool saw_old = false;
        bool saw_new = false;
        const auto coin = [this] {
            bits_ ^= bits_ << 13;
            bits_ ^= bits_ >> 7;
            bits_ ^= bits_ << 17;
            return (bits_ & 1) != 0;
        };
        disk_.set_observer([&](const SimOperation&) {
            for (int attempt = 0; attempt < 8; ++attempt) {
                auto crashed = disk_.crashed(coin, 512);
                const auto found = read(crashed, arena_, events_);
                ASSERT_TRUE(found && found->newest);
                const auto number = found->newest->number;
                ASSERT_EQ(*found->newest, checkpoint_of(number, number == 2 ? 300 : 900));
                saw_old = saw_old || number == 2;
                saw_new = saw_new || number == 3;
                ++cuts;
            }
        });
        ASSERT_TRUE(write(*before, checkpoint_of(3, 900)));
        disk_.set_observer({});
        EXPECT_GE(cuts, 32U);
        EXPECT_TRUE(saw_old);
        EXPECT_TRUE(saw_new);
    }

    std::uint64_t bits_ = 88172645463325252U;
    SimDisk disk_;
    Arena arena_{16 * kMiB};
    CollectedEvents events_;
    std::atomic<bool> failed_{false};
};

TEST_F(CheckpointSlots, OfANewDirectoryAreBothValidAndDurable) {
    make();
    auto crashed = disk_.crashed([] { return false; }, 512);
    const auto found = read(crashed, arena_, events_);
    ASSERT_TRUE(found);
    ASSERT_TRUE(found->newest);
    EXPECT_EQ(found->newest->number, 1U);
    EXPECT_EQ(found->slots[0].number, 1U);
    EXPECT_EQ(found->slots[1].number, 1U);
    EXPECT_EQ(found->slots[1].bytes, kCheckpointAheadBytes);
}

TEST_F(CheckpointSlots, AreNoneInAnEmptyDirectory) {
    const auto found = read();
    ASSERT_TRUE(found);
    EXPECT_FALSE(found->newest);
}

TEST_F(CheckpointSlots, HoldTheSameCheckpointAfterAWrite) {
    ASSERT_TRUE(write(make(), checkpoint_of(2, 3)));
    auto crashed = disk_.crashed([] { return false; }, 512);
    const auto found = read(crashed, arena_, events_);
    ASSERT_TRUE(found && found->newest);
    EXPECT_EQ(*found->newest, checkpoint_of(2, 3));
    EXPECT_EQ(found->slots[0].number, 2U);
    EXPECT_EQ(found->slots[1].number, 2U);
}

TEST_F(CheckpointSlots, FallBackToTheOtherWithAWarning) {
    ASSERT_TRUE(write(make(), checkpoint_of(2, 3)));
    damage(kSlotA);
    const auto found = read();
    ASSERT_TRUE(found && found->newest);
    EXPECT_EQ(found->newest->number, 2U);
    EXPECT_EQ(found->slots[0].number, 0U);
    EXPECT_NE(events_.text().find("checkpoint.bad_slot"), std::string::npos);
    damage(kSlotB);
    EXPECT_FALSE(read()->newest);
}

TEST_F(CheckpointSlots, FallBackWhenOneCannotBeRead) {
    ASSERT_TRUE(write(make(), checkpoint_of(2, 3)));
    disk_.make_unreadable(kSlotB, 0, 512);
    const auto found = read();
    ASSERT_TRUE(found && found->newest);
    EXPECT_EQ(found->slots[1].number, 0U);
}

// Whatever subset of sectors a power cut leaves at any moment of a write, the slots say either the
// checkpoint before or the new one.
TEST_F(CheckpointSlots, SurviveAPowerCutAtEveryOperationOfAWrite) {
    ASSERT_TRUE(write(make(), checkpoint_of(2, 300)));
    write_with_cuts();
}

TEST_F(CheckpointSlots, SurviveItWhenOneOfThemWasBadBefore) {
    ASSERT_TRUE(write(make(), checkpoint_of(2, 300)));
    const SimDisk disk = disk_;
    damage(kSlotA);
    write_with_cuts();
    disk_ = disk;
    damage(kSlotB);
    write_with_cuts();
}

TEST_F(CheckpointSlots, GrowAheadOfWhatIsWritten) {
    ASSERT_TRUE(write(make(), checkpoint_of(2, 30'000)));
    const auto found = read();
    ASSERT_TRUE(found && found->newest);
    EXPECT_EQ(found->newest->partitions.size(), 30'000U);
    const auto bytes = disk_.contents(kSlotA).size();
    EXPECT_GT(bytes, 2 * kCheckpointAheadBytes);
    disk_.set_free_space(0);
    ASSERT_TRUE(write(*found, checkpoint_of(3, 31'000)));
    EXPECT_EQ(disk_.contents(kSlotA).size(), bytes);
}

TEST_F(CheckpointSlots, RefuseWhatDoesNotFitOnAFullDisk) {
    const auto made = make();
    disk_.set_free_space(0);
    const auto outcome = write(made, checkpoint_of(2, 60'000));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::storage_full);
    EXPECT_EQ(read()->newest->number, 1U);
}

TEST_F(CheckpointSlots, AreNotWrittenOnceTheEngineHasFailed) {
    const auto made = make();
    failed_ = true;
    const auto outcome = write(made, checkpoint_of(2, 3));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::shutting_down);
    EXPECT_EQ(read()->newest->number, 1U);
}

TEST_F(CheckpointSlots, EndTheirWriteAtAFailedSync) {
    const auto made = make();
    SimFault fault;
    fault.error = 5;
    fault.kind = FileOpKind::sync_data;
    disk_.set_fault(fault);
    const auto outcome = write(made, checkpoint_of(2, 3));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error(), (Error{Errc::io_failed, 5}));
}

TEST_F(CheckpointSlots, EndTheirWriteAtAShortWrite) {
    const auto made = make();
    SimFault fault;
    fault.short_write = true;
    fault.kind = FileOpKind::write;
    disk_.set_fault(fault);
    const auto outcome = write(made, checkpoint_of(2, 3));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::io_failed);
}

}  // namespace
}  // namespace millrace::testing
