// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/wal/wal_replay.h"

#include "engine/format/wal_group.h"
#include "tests/engine/wal/wal_harness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace millrace::testing {
namespace {

using engine::Durability;
using engine::EntryKind;
using engine::Errc;
using engine::kBlockBytes;
using engine::kKiB;
using namespace std::chrono_literals;

constexpr const char* kFirstFile = "wal/0/0.wal";

void spoil(SimDisk& disk, const std::string& path, std::uint64_t block) {
    const std::vector<std::byte> bytes(64, std::byte{0x5a});
    disk.overwrite(path, block * kBlockBytes + 100, bytes);
}

// Writes one sealed group with one entry.
void put_group(SimDisk& disk,
               const std::string& path,
               const engine::WalGroupHeader& header,
               EntryKind kind,
               std::string_view payload) {
    std::vector<std::byte> group(kBlockBytes);
    engine::store_entry_header(group.data() + engine::kGroupHeaderBytes,
                               kind,
                               {},
                               static_cast<std::uint32_t>(payload.size()));
    std::memcpy(group.data() + engine::kGroupHeaderBytes + engine::kEntryHeaderBytes,
                payload.data(),
                payload.size());
    auto sealed = header;
    sealed.length = static_cast<std::uint32_t>(engine::kGroupHeaderBytes +
                                               engine::kEntryHeaderBytes + payload.size());
    static_cast<void>(engine::seal_group(group.data(), sealed));
    disk.overwrite(path, std::uint64_t{header.block} * kBlockBytes, group);
}

// What a group of the run that ended must look like to be the next one.
engine::WalGroupHeader next_header(const engine::WalPosition& end) {
    engine::WalGroupHeader header;
    header.chain = end.chain;
    header.run_bits = end.run_bits;
    header.run_number = end.run_number;
    header.directory = end.directory;
    header.sequence = end.sequence;
    header.file_number = end.file_number;
    header.block = end.block;
    return header;
}

class WalReplay : public ::testing::Test {
protected:
    // Block 0 is the start group; each commit takes one more.
    void commit_some(std::int64_t count) {
        ASSERT_TRUE(wal_.open());
        for (std::int64_t i = 1; i <= count; ++i)
            wal_.commit(std::to_string(i), i);
    }

    WalHarness wal_;
};

TEST_F(WalReplay, FindsNothingWhereThereIsNoDirectory) {
    const auto replayed = wal_.replay().value();
    EXPECT_TRUE(replayed.entries.empty());
    EXPECT_TRUE(replayed.slots.empty());
    EXPECT_TRUE(replayed.clean_end);
    EXPECT_EQ(replayed.run_number, 0U);
    EXPECT_EQ(replayed.end.sequence, 1U);
}

TEST_F(WalReplay, RefusesGroupsOfAnEarlierRunBehindTheNewOne) {
    commit_some(4);
    wal_.kill();
    spoil(wal_.disk, kFirstFile, 4);
    ASSERT_TRUE(wal_.open());  // Its start group lies where the torn one was.
    const auto end = wal_.end;
    wal_.kill();
    // A group of the first run that fits in every way but its bits.
    const auto now = wal_.replay().value().end;
    EXPECT_EQ(now.sequence, end.sequence + 1);
    auto old = next_header(now);
    old.run_bits = end.run_bits;
    old.run_number = end.run_number;
    put_group(wal_.disk, kFirstFile, old, EntryKind::append, "ghost");
    EXPECT_EQ(texts_of(wal_.replay().value()).size(), 3U);
}

TEST_F(WalReplay, TakesAGroupOnlyIfEverythingAboutItIsRight) {
    commit_some(2);
    wal_.kill();
    const auto end = wal_.replay().value().end;
    const auto right = next_header(end);
    const auto count_with = [&](const engine::WalGroupHeader& header) {
        WalHarness wal(wal_.disk);
        put_group(wal.disk, kFirstFile, header, EntryKind::append, "next");
        return texts_of(wal.replay().value()).size();
    };
    EXPECT_EQ(count_with(right), 3U);
    auto wrong = right;
    ++wrong.chain;
    EXPECT_EQ(count_with(wrong), 2U);
    wrong = right;
    ++wrong.sequence;
    EXPECT_EQ(count_with(wrong), 2U);
    wrong = right;
    --wrong.sequence;
    EXPECT_EQ(count_with(wrong), 2U);
    wrong = right;
    ++wrong.run_bits;
    EXPECT_EQ(count_with(wrong), 2U);
    wrong = right;
    ++wrong.run_number;
    EXPECT_EQ(count_with(wrong), 2U);
    wrong = right;
    ++wrong.file_number;
    EXPECT_EQ(count_with(wrong), 2U);
    wrong = right;
    ++wrong.directory;
    EXPECT_EQ(count_with(wrong), 2U);
}

TEST_F(WalReplay, TakesAGroupOnlyInItsOwnBlock) {
    commit_some(2);
    wal_.kill();
    auto moved = next_header(wal_.replay().value().end);
    std::vector<std::byte> elsewhere(kBlockBytes);
    ++moved.block;
    put_group(wal_.disk, kFirstFile, moved, EntryKind::append, "next");
    const auto contents = wal_.disk.contents(kFirstFile);
    std::copy_n(contents.begin() + moved.block * kBlockBytes, kBlockBytes, elsewhere.begin());
    wal_.disk.overwrite(kFirstFile, (moved.block - 1) * kBlockBytes, elsewhere);
    EXPECT_EQ(texts_of(wal_.replay().value()).size(), 2U);
}

TEST_F(WalReplay, FollowsAnotherRunOnlyThroughALinkToTheLastGroup) {
    commit_some(2);
    wal_.kill();
    const auto end = wal_.replay().value().end;
    const engine::StartLink right{end.run_bits, end.sequence - 1, end.run_number, end.chain};
    const auto follows = [&](const engine::StartLink& link, std::uint32_t run_number) {
        WalHarness wal(wal_.disk);
        auto header = next_header(end);
        header.run_bits = 0x77;
        header.run_number = run_number;
        std::string payload(engine::kStartLinkBytes, '\0');
        engine::store_start_link(std::as_writable_bytes(std::span(payload)).data(), link);
        put_group(wal.disk, kFirstFile, header, EntryKind::start, payload);
        return wal.replay().value().end.sequence == end.sequence + 1;
    };
    EXPECT_TRUE(follows(right, end.run_number + 1));
    EXPECT_FALSE(follows(right, end.run_number));
    auto wrong = right;
    ++wrong.crc;
    EXPECT_FALSE(follows(wrong, end.run_number + 1));
    wrong = right;
    ++wrong.sequence;
    EXPECT_FALSE(follows(wrong, end.run_number + 1));
    wrong = right;
    ++wrong.run_bits;
    EXPECT_FALSE(follows(wrong, end.run_number + 1));
    EXPECT_FALSE(follows({}, end.run_number + 1));
}

// A client that writes what looks like a group cannot keep the broker from starting.
TEST_F(WalReplay, IgnoresGroupsThatAClientMadeUp) {
    commit_some(3);
    wal_.kill();
    const auto end = wal_.replay().value().end;
    auto forged = next_header(end);
    forged.sequence += 10;
    forged.flushed_sequence = forged.sequence;
    forged.block += 3;
    for (const std::uint32_t run_number : {end.run_number, end.run_number + 1}) {
        forged.run_bits = 0x4242;
        forged.run_number = run_number;
        put_group(wal_.disk, kFirstFile, forged, EntryKind::append, "forged");
        EXPECT_TRUE(wal_.replay()) << run_number;
    }
    forged.run_bits = end.run_bits;
    forged.run_number = end.run_number;
    put_group(wal_.disk, kFirstFile, forged, EntryKind::append, "real");
    EXPECT_EQ(wal_.replay().error().code, Errc::damaged_wal);
}

TEST_F(WalReplay, ReportsEveryKindThatRebuildsSomething) {
    ASSERT_TRUE(wal_.open());
    std::vector<ReplayedText> expected;
    for (const auto kind : {EntryKind::append,
                            EntryKind::atomic,
                            EntryKind::log_start,
                            EntryKind::truncate,
                            EntryKind::epoch}) {
        ASSERT_TRUE(wal_.append("payload", 1, Durability::synced, kind, 5));
        expected.push_back({kind, 5, "payload"});
    }
    wal_.settle();
    wal_.kill();
    const auto replayed = wal_.replay().value();
    EXPECT_EQ(texts_of(replayed), expected);
    ASSERT_NE(replayed.slots.at(0).use, nullptr);
    EXPECT_EQ(replayed.slots[0].use->unflushed_entries, expected.size());
    EXPECT_EQ(replayed.entries[0].place.file, replayed.slots[0].use.get());
    EXPECT_EQ(replayed.entries[0].run_number, 1U);
}

TEST_F(WalReplay, RefusesKindsOfALaterVersion) {
    commit_some(1);
    wal_.kill();
    const auto header = next_header(wal_.replay().value().end);
    put_group(wal_.disk, kFirstFile, header, static_cast<EntryKind>(8), "later");
    EXPECT_EQ(wal_.replay().error().code, Errc::newer_format);
    EXPECT_TRUE(wal_.events.has("wal.newer_format"));
}

TEST_F(WalReplay, FlushesWhatItFoundBeforeAnybodyReadsIt) {
    commit_some(1);
    wal_.commit("only written", 2, Durability::written);
    ASSERT_EQ(wal_.sink.flushed.size(), 1U);
    wal_.kill();
    EXPECT_EQ(texts_of(wal_.replay().value()).size(), 2U);
    wal_.cut_power();
    EXPECT_EQ(texts_of(wal_.replay().value()).size(), 2U);
}

TEST_F(WalReplay, ReportsAFailedFlush) {
    commit_some(1);
    wal_.kill();
    SimFault fault;
    fault.operation = wal_.disk.operations();
    fault.kind = engine::FileOpKind::sync_data;
    fault.error = EIO;
    wal_.disk.set_fault(fault);
    EXPECT_EQ(wal_.replay().error(), (engine::Error{Errc::io_failed, EIO}));
}

TEST_F(WalReplay, IgnoresFilesThatAreNotItsOwn) {
    commit_some(2);
    wal_.kill();
    auto& storage = *wal_.storage;
    for (const char* path : {"wal/0/0.wal.bak", "wal/0/x.wal", "wal/0/01.wal", "wal/0/.wal"}) {
        engine::FileOp op;
        op.kind = engine::FileOpKind::open;
        op.create = true;
        op.path = path;
        engine::run_to_completion(storage, op);
        ASSERT_GE(op.result, 0) << path;
    }
    ASSERT_TRUE(wal_.open());
    EXPECT_EQ(wal_.found.size(), 2U);
}

TEST_F(WalReplay, UsesAFileThatWasMadeButNeverSized) {
    commit_some(2);
    wal_.kill();
    engine::FileOp op;
    op.kind = engine::FileOpKind::open;
    op.create = true;
    op.path = "wal/0/9.wal";
    engine::run_to_completion(*wal_.storage, op);
    ASSERT_TRUE(wal_.open());
    for (int i = 0; i < 40; ++i)
        wal_.commit(filler(3000), i + 10);
    wal_.cut_power();
    ASSERT_TRUE(wal_.open());
    EXPECT_EQ(wal_.found.size(), 42U);
}

TEST_F(WalReplay, GivesPayloadsAsSlicesOfFewImages) {
    ASSERT_TRUE(wal_.open());
    for (int i = 0; i < 12; ++i)
        wal_.commit(filler(3000), i + 1);
    wal_.kill();
    const auto replayed = wal_.replay().value();
    ASSERT_EQ(replayed.entries.size(), 12U);
    for (const auto& entry : replayed.entries) {
        const auto& image = entry.place.image;
        EXPECT_EQ(image.get(), replayed.entries[0].place.image.get());
        EXPECT_GE(entry.place.data, image->data);
        EXPECT_LE(entry.place.data + entry.place.size, image->data + image->capacity);
    }
}

}  // namespace
}  // namespace millrace::testing
