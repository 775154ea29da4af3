// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What a power cut leaves of a simulated disk: each pattern of file system use that is known to
// lose data loses it here, and what is synced stays.
#include "tests/support/sim_disk.h"
#include "tests/support/sim_script.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace millrace::testing {

namespace {

using engine::FileHandle;
using engine::FileOp;
using engine::FileOpKind;
using engine::WriteSync;

const SimDisk::Survives kNothing = [] { return false; };
const SimDisk::Survives kEverything = [] { return true; };

class SimCrashTest : public ::testing::Test {
protected:
    // A synced file of blocks full of 'o', with its name.
    FileHandle old_file(const std::string& path, std::size_t bytes = 8192) {
        const auto file = script_.open(path);
        script_.write(file, 0, AlignedBlocks(bytes, 'o'));
        sync(file);
        sync_names();
        return file;
    }

    void sync(FileHandle file) { ASSERT_EQ(script_.on_file(FileOpKind::sync_data, file), 0); }

    void sync_names(std::string_view directory = "") {
        ASSERT_EQ(script_.on_path(FileOpKind::sync_directory, directory), 0);
    }

    // One letter for each sector.
    static std::string sectors(const SimDisk& disk, const std::string& path) {
        std::string letters;
        const auto bytes = disk.contents(path);
        for (std::size_t at = 0; at < bytes.size(); at += 512) {
            const char letter = static_cast<char>(bytes[at]);
            letters.push_back(letter == 0 ? '.' : letter);
        }
        return letters;
    }

    // The file's sectors in every crash state; "none" where the name is gone.
    std::set<std::string> outcomes(const std::string& path, std::uint32_t sector_bytes) const {
        std::set<std::string> seen;
        const auto units = disk_.unsynced_units(sector_bytes);
        EXPECT_LE(units, 16U);
        for (std::uint64_t subset = 0; subset < (1ULL << units); ++subset) {
            std::uint64_t left = subset;
            const auto disk = disk_.crashed(
                    [&left] {
                        const bool bit = (left & 1) != 0;
                        left >>= 1;
                        return bit;
                    },
                    sector_bytes);
            seen.insert(disk.exists(path) ? sectors(disk, path) : "none");
        }
        return seen;
    }

    SimDisk disk_;
    SimScript script_{disk_};
};

TEST_F(SimCrashTest, SyncedDataUnderASyncedNameStays) {
    const auto file = old_file("a");
    EXPECT_EQ(disk_.unsynced_units(512), 0U);
    EXPECT_EQ(sectors(disk_.crashed(kNothing, 512), "a"), std::string(16, 'o'));
    EXPECT_EQ(script_.write(file, 4096, AlignedBlocks(4096, 'n')), 4096);
    EXPECT_EQ(disk_.unsynced_units(512), 8U);
    EXPECT_EQ(disk_.unsynced_units(4096), 1U);
}

TEST_F(SimCrashTest, EachSectorOfAnOverwriteIsOldOrNew) {
    const auto file = old_file("a", 4096);
    script_.write(file, 0, AlignedBlocks(4096, 'n'));
    EXPECT_EQ(outcomes("a", 512).size(), 256U);
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"oooooooo", "nnnnnnnn"}));
}

TEST_F(SimCrashTest, EveryVersionOfASectorMayBeLeft) {
    const auto file = old_file("a", 4096);
    script_.write(file, 0, AlignedBlocks(4096, '1'));
    script_.write(file, 0, AlignedBlocks(4096, '2'));
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"oooooooo", "11111111", "22222222"}));
}

TEST_F(SimCrashTest, ANameIsNotDurableWithItsFile) {
    const auto file = script_.open("a");
    script_.write(file, 0, AlignedBlocks(4096, 'n'));
    sync(file);
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"none", "nnnnnnnn"}));
}

TEST_F(SimCrashTest, AFileIsNotDurableWithItsName) {
    const auto file = script_.open("a");
    script_.write(file, 0, AlignedBlocks(4096, 'n'));
    sync_names();
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"", "........", "nnnnnnnn"}));
}

TEST_F(SimCrashTest, ADirectoryIsLostWithAllBelowIt) {
    script_.on_path(FileOpKind::make_directory, "d");
    script_.open("d/a");
    sync_names("d");
    EXPECT_EQ(outcomes("d/a", 4096), (std::set<std::string>{"none", ""}));
    sync_names();
    EXPECT_EQ(outcomes("d/a", 4096), (std::set<std::string>{""}));
}

TEST_F(SimCrashTest, ARenameMayBeLostButNeverTheFile) {
    old_file("a");
    const auto file = script_.open("tmp");
    script_.write(file, 0, AlignedBlocks(4096, 'n'));
    sync(file);
    sync_names();
    script_.on_path(FileOpKind::rename, "tmp", "a");
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{std::string(16, 'o'), "nnnnnnnn"}));
    sync_names();
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"nnnnnnnn"}));
    EXPECT_EQ(outcomes("tmp", 4096), (std::set<std::string>{"none"}));
}

TEST_F(SimCrashTest, ARenameBetweenDirectoriesNeedsBothSynced) {
    script_.on_path(FileOpKind::make_directory, "d");
    old_file("a", 4096);
    script_.on_path(FileOpKind::rename, "a", "d/a");
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"none", "oooooooo"}));
    for (const bool keep : {false, true}) {
        const auto disk = disk_.crashed([keep] { return keep; }, 4096);
        EXPECT_NE(disk.exists("a"), disk.exists("d/a"));
    }
    sync_names("d");
    EXPECT_EQ(outcomes("d/a", 4096), (std::set<std::string>{"oooooooo"}));
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"none", "oooooooo"}));
    sync_names();
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"none"}));
}

TEST_F(SimCrashTest, AnUnlinkedFileMayComeBack) {
    old_file("a", 4096);
    script_.on_path(FileOpKind::unlink, "a");
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"none", "oooooooo"}));
    sync_names();
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"none"}));
}

TEST_F(SimCrashTest, ATruncatedSuffixMayComeBack) {
    const auto file = old_file("a");
    script_.on_file(FileOpKind::truncate, file, 4096);
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"oooooooo", "oooooooooooooooo"}));
    script_.on_file(FileOpKind::truncate, file, 8192);
    EXPECT_EQ(outcomes("a", 4096).count("oooooooooooooooo"), 1U);
    EXPECT_EQ(outcomes("a", 4096).count("oooooooo........"), 1U);
    sync(file);
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"oooooooo........"}));
}

TEST_F(SimCrashTest, ASyncCoversOnlyWhatHadCompletedBefore) {
    const auto file = old_file("a");
    const AlignedBlocks blocks(4096, 'n');
    FileOp write;
    write.kind = FileOpKind::write;
    write.file = file;
    write.buffer = blocks.data();
    write.length = blocks.size();
    write.done = [](FileOp&) noexcept {};
    script_.storage().submit(write);
    EXPECT_EQ(script_.on_file(FileOpKind::sync_data, file), 0);  // Both are executed, in order.
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"oooooooooooooooo", "nnnnnnnnoooooooo"}));
    sync(file);
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"nnnnnnnnoooooooo"}));
}

TEST_F(SimCrashTest, AWriteInFlightMayHaveHappenedInPart) {
    const auto file = old_file("a", 4096);
    const AlignedBlocks blocks(4096, 'n');
    FileOp write;
    write.kind = FileOpKind::write;
    write.file = file;
    write.buffer = blocks.data();
    write.length = blocks.size();
    write.sync = WriteSync::bytes;
    write.done = [](FileOp&) noexcept {};
    script_.storage().submit(write);
    EXPECT_EQ(sectors(disk_, "a"), "oooooooo");
    EXPECT_EQ(outcomes("a", 512).size(), 256U);
    const SimDisk copy = disk_;  // A copy remembers it.
    EXPECT_EQ(sectors(copy.crashed(kEverything, 512), "a"), "nnnnnnnn");
    script_.storage().flush_submissions();
    script_.storage().run_completions();
    EXPECT_EQ(outcomes("a", 512), (std::set<std::string>{"nnnnnnnn"}));
}

TEST_F(SimCrashTest, ASyncedWriteCoversItsOwnSectorsOnly) {
    const auto file = old_file("a");
    script_.write(file, 0, AlignedBlocks(8192, '1'));
    script_.write(file, 4096, AlignedBlocks(4096, '2'), WriteSync::bytes);
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"oooooooo22222222", "1111111122222222"}));
}

TEST_F(SimCrashTest, AWriteThatSyncsItsFileCoversWhatWasWrittenBeforeIt) {
    const auto file = old_file("a");
    script_.write(file, 0, AlignedBlocks(4096, '1'));
    script_.write(file, 4096, AlignedBlocks(4096, '2'), WriteSync::file);
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"1111111122222222"}));
}

TEST_F(SimCrashTest, ASyncedWriteBeyondTheSizeKeepsTheSize) {
    const auto file = old_file("a", 4096);
    script_.write(file, 8192, AlignedBlocks(4096, '2'), WriteSync::bytes);
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"oooooooo........22222222"}));
}

TEST_F(SimCrashTest, NoLaterSyncCoversWhatAFailedOneShouldHave) {
    const auto file = old_file("a", 4096);
    script_.write(file, 0, AlignedBlocks(4096, 'n'));
    disk_.set_fault({.error = EIO, .kind = FileOpKind::sync_data});
    EXPECT_EQ(script_.on_file(FileOpKind::sync_data, file), -EIO);
    EXPECT_EQ(script_.on_file(FileOpKind::sync_data, file), 0);
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"oooooooo", "nnnnnnnn"}));
    script_.write(file, 0, AlignedBlocks(4096, 'N'));
    sync(file);
    EXPECT_EQ(outcomes("a", 4096), (std::set<std::string>{"NNNNNNNN"}));
}

TEST_F(SimCrashTest, ALyingSyncCoversNothing) {
    const auto file = old_file("a", 4096);
    SimScript liar(disk_, {.lying_sync = true});
    const auto same = liar.open("a");
    liar.write(same, 0, AlignedBlocks(4096, 'n'));
    EXPECT_EQ(liar.on_file(FileOpKind::sync_data, same), 0);
    EXPECT_EQ(outcomes("a", 4096).size(), 2U);
    sync(file);
    EXPECT_EQ(outcomes("a", 4096).size(), 1U);
}

TEST_F(SimCrashTest, SyncOfTheFileSystemCoversFilesAndNames) {
    script_.on_path(FileOpKind::make_directory, "d");
    const auto file = script_.open("d/a");
    script_.write(file, 0, AlignedBlocks(4096, 'n'));
    EXPECT_EQ(script_.on_path(FileOpKind::sync_filesystem, ""), 0);
    EXPECT_EQ(outcomes("d/a", 512), (std::set<std::string>{"nnnnnnnn"}));
}

TEST_F(SimCrashTest, AnUnsyncedSectorMayReadAsAnError) {
    const auto file = old_file("a");
    script_.write(file, 4096, AlignedBlocks(4096, 'n'));
    SimDisk disk = disk_.crashed(SimCrash{kEverything, [] { return true; }, 512});
    SimScript after(disk);
    AlignedBlocks read(4096);
    const auto same = after.open("a");
    EXPECT_EQ(after.read(same, 0, read), 4096);
    EXPECT_EQ(after.read(same, 4096, read), -EIO);
}

TEST_F(SimCrashTest, AKilledProcessLosesOnlyWhatWasInFlight) {
    const auto file = old_file("a", 4096);
    script_.write(file, 0, AlignedBlocks(4096, 'n'));
    EXPECT_EQ(sectors(disk_.killed(), "a"), "nnnnnnnn");
}

TEST_F(SimCrashTest, EqualCrashStatesHaveEqualDigests) {
    const auto file = old_file("a");
    script_.write(file, 4096, AlignedBlocks(4096, 'n'));
    EXPECT_EQ(disk_.crashed(kNothing, 512).digest(), disk_.crashed(kNothing, 4096).digest());
    EXPECT_NE(disk_.crashed(kNothing, 512).digest(), disk_.crashed(kEverything, 512).digest());
    EXPECT_EQ(disk_.crashed(kNothing, 512).unsynced_units(512), 0U);
}

}  // namespace

}  // namespace millrace::testing
