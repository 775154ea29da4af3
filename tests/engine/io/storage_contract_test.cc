// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What engine/storage.h promises, for every backend.
#include "engine/units.h"
#include "tests/engine/io/storage_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <poll.h>

namespace millrace::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr auto kBlock = static_cast<std::uint32_t>(kBlockBytes);

class StorageContract : public ::testing::TestWithParam<const char*> {
protected:
    void SetUp() override {
        backend_ = make_backend(GetParam());
        if (backend_ == nullptr) GTEST_SKIP() << "the kernel forbids this backend";
    }

    [[nodiscard]] Storage& storage() { return backend_->storage(); }

    [[nodiscard]] BufferRef filled(std::uint64_t bytes, unsigned value) {
        auto buffer = arena_.allocate(bytes);
        std::memset(buffer->data, static_cast<int>(value), bytes);
        return buffer;
    }

    [[nodiscard]] MutableBytes bytes(const BufferRef& buffer, std::uint64_t size = kBlock) {
        return {buffer->data, size};
    }

    std::int64_t on_path(FileOpKind kind, std::string_view path, std::string_view path_to = {}) {
        return run(storage(), {.kind = kind, .path = path, .path_to = path_to});
    }

    std::int64_t size_of(std::string_view path) {
        FileOp op{.kind = FileOpKind::stat, .path = path};
        run_to_completion(storage(), op);
        return op.result < 0 ? op.result : static_cast<std::int64_t>(op.size);
    }

    std::vector<std::string> names_in(std::string_view path) {
        FileOp op{.kind = FileOpKind::list, .path = path};
        run_to_completion(storage(), op);
        EXPECT_EQ(op.result, 0);
        std::erase(op.names, "lock");
        return op.names;
    }

    // Runs completions, waiting as a loop would, until `ended` of them have run.
    void run_until(const std::size_t& ended, std::size_t count) {
        while (ended < count) {
            storage().flush_submissions();
            if (storage().run_completions() > 0 || storage().wake_descriptor() < 0) continue;
            pollfd entry{.fd = storage().wake_descriptor(), .events = POLLIN, .revents = 0};
            ASSERT_EQ(::poll(&entry, 1, 20'000), 1) << "nothing wakes the loop";
        }
    }

    Arena arena_{256 * kMiB};
    std::unique_ptr<StorageBackend> backend_;
};

TEST_P(StorageContract, ReadsWhatWasWritten) {
    const auto file = make_file(storage(), "data", 4 * kBlockBytes);
    const auto ones = filled(2 * kBlockBytes, 1);
    EXPECT_EQ(write_at(storage(), file, kBlockBytes, bytes(ones, 2 * kBlockBytes)), 2 * kBlock);
    const auto into = filled(4 * kBlockBytes, 9);
    EXPECT_EQ(read_at(storage(), file, 0, bytes(into, 4 * kBlockBytes)), 4 * kBlock);
    EXPECT_TRUE(all_are({into->data, kBlock}, std::byte{0}));
    EXPECT_TRUE(all_are({into->data + kBlock, 2 * kBlock}, std::byte{1}));
    EXPECT_TRUE(all_are({into->data + 3 * kBlock, kBlock}, std::byte{0}));
}

TEST_P(StorageContract, WritesOfTheWalLaneReachTheFileToo) {
    const auto file = make_file(storage(), "0.wal", 4 * kBlockBytes);
    const auto ones = filled(kBlockBytes, 1);
    EXPECT_EQ(write_at(storage(), file, kBlockBytes, bytes(ones), Lane::wal), kBlock);
    FileOp synced{.kind = FileOpKind::write,
                  .lane = Lane::wal,
                  .sync = WriteSync::bytes,
                  .file = file,
                  .buffer = ones->data,
                  .length = kBlock,
                  .position = 2 * kBlockBytes};
    EXPECT_EQ(run(storage(), synced), kBlock);
    synced.sync = WriteSync::file;
    synced.position = 3 * kBlockBytes;
    EXPECT_EQ(run(storage(), synced), kBlock);
    const auto into = filled(3 * kBlockBytes, 9);
    EXPECT_EQ(read_at(storage(), file, kBlockBytes, bytes(into, 3 * kBlockBytes)), 3 * kBlock);
    EXPECT_TRUE(all_are({into->data, 3 * kBlock}, std::byte{1}));
}

TEST_P(StorageContract, SyncsOnBothLanesSucceed) {
    const auto file = make_file(storage(), "data", kBlockBytes);
    for (const auto lane : {Lane::wal, Lane::background}) {
        EXPECT_EQ(run(storage(), {.kind = FileOpKind::sync_data, .lane = lane, .file = file}), 0);
    }
    EXPECT_EQ(run(storage(), {.kind = FileOpKind::sync_filesystem}), 0);
    EXPECT_EQ(on_path(FileOpKind::sync_directory, ""), 0);
}

TEST_P(StorageContract, ReadsShortOnlyAtTheEndOfTheFile) {
    const auto file = make_file(storage(), "data", 2 * kBlockBytes);
    const auto into = filled(4 * kBlockBytes, 9);
    EXPECT_EQ(read_at(storage(), file, kBlockBytes, bytes(into, 4 * kBlockBytes)), kBlock);
    EXPECT_EQ(read_at(storage(), file, 2 * kBlockBytes, bytes(into)), 0);
    EXPECT_EQ(read_at(storage(), file, 8 * kBlockBytes, bytes(into)), 0);
    ASSERT_EQ(run(storage(),
                  {.kind = FileOpKind::truncate, .file = file, .length = kBlockBytes + 100}),
              0);
    EXPECT_EQ(read_at(storage(), file, 0, bytes(into, 4 * kBlockBytes)), kBlock + 100);
}

TEST_P(StorageContract, WritesBeyondTheEndExtendTheFile) {
    const auto file = open_file(storage(), "data");
    const auto ones = filled(kBlockBytes, 1);
    EXPECT_EQ(write_at(storage(), file, kBlockBytes, bytes(ones)), kBlock);
    EXPECT_EQ(size_of("data"), 2 * kBlock);
    const auto into = filled(2 * kBlockBytes, 9);
    EXPECT_EQ(read_at(storage(), file, 0, bytes(into, 2 * kBlockBytes)), 2 * kBlock);
    EXPECT_TRUE(all_are({into->data, kBlock}, std::byte{0}));
    EXPECT_TRUE(all_are({into->data + kBlock, kBlock}, std::byte{1}));
}

TEST_P(StorageContract, BufferedFilesTakeAnyPositionAndLength) {
    const auto file = open_file(storage(), "partition.metadata", false);
    std::string text = "version: 0\ntopic_id: AAAA";
    const auto as_bytes = std::as_writable_bytes(std::span(text));
    EXPECT_EQ(write_at(storage(), file, 0, as_bytes), 25);
    EXPECT_EQ(write_at(storage(), file, 25, as_bytes.first(3)), 3);
    std::string back(40, '.');
    EXPECT_EQ(read_at(storage(), file, 1, std::as_writable_bytes(std::span(back))), 27);
    EXPECT_EQ(back.substr(0, 27), text.substr(1) + "ver");
}

TEST_P(StorageContract, AllocatesZerosAndKeepsWhatIsThere) {
    const auto file = make_file(storage(), "data", kBlockBytes);
    const auto ones = filled(kBlockBytes, 1);
    ASSERT_EQ(write_at(storage(), file, 0, bytes(ones)), kBlock);
    EXPECT_EQ(
            run(storage(), {.kind = FileOpKind::allocate, .file = file, .length = 2 * kBlockBytes}),
            0);
    EXPECT_EQ(run(storage(),
                  {.kind = FileOpKind::allocate,
                   .file = file,
                   .length = kBlockBytes,
                   .position = 3 * kBlockBytes}),
              0);
    EXPECT_EQ(size_of("data"), 4 * kBlock);
    const auto into = filled(4 * kBlockBytes, 9);
    EXPECT_EQ(read_at(storage(), file, 0, bytes(into, 4 * kBlockBytes)), 4 * kBlock);
    EXPECT_TRUE(all_are({into->data, kBlock}, std::byte{1}));
    EXPECT_TRUE(all_are({into->data + kBlock, 3 * kBlock}, std::byte{0}));
}

TEST_P(StorageContract, TruncatesAndLengthensWithZeros) {
    const auto file = make_file(storage(), "data", 2 * kBlockBytes);
    const auto ones = filled(2 * kBlockBytes, 1);
    ASSERT_EQ(write_at(storage(), file, 0, bytes(ones, 2 * kBlockBytes)), 2 * kBlock);
    const auto truncate = [&](std::uint64_t length) {
        return run(storage(), {.kind = FileOpKind::truncate, .file = file, .length = length});
    };
    EXPECT_EQ(truncate(kBlockBytes), 0);
    EXPECT_EQ(size_of("data"), kBlock);
    EXPECT_EQ(truncate(2 * kBlockBytes), 0);
    const auto into = filled(2 * kBlockBytes, 9);
    EXPECT_EQ(read_at(storage(), file, 0, bytes(into, 2 * kBlockBytes)), 2 * kBlock);
    EXPECT_TRUE(all_are({into->data, kBlock}, std::byte{1}));
    EXPECT_TRUE(all_are({into->data + kBlock, kBlock}, std::byte{0}));
    EXPECT_EQ(truncate(0), 0);
    EXPECT_EQ(write_at(storage(), file, 0, bytes(ones, 2 * kBlockBytes)), 2 * kBlock);
    EXPECT_EQ(size_of("data"), 2 * kBlock);
}

TEST_P(StorageContract, OpensOnlyWhatIsThereUnlessItMayCreate) {
    FileOp op{.kind = FileOpKind::open, .path = "data"};
    EXPECT_EQ(run(storage(), op), -ENOENT);
    op.create = true;
    const auto made = run(storage(), op);
    EXPECT_GE(made, 0);
    op.create = false;
    const auto again = run(storage(), op);
    EXPECT_GE(again, 0);
    EXPECT_NE(made, again);
    op.path = "missing/data";
    op.create = true;
    EXPECT_EQ(run(storage(), op), -ENOENT);
}

TEST_P(StorageContract, RefusesHandlesThatAreNotOpen) {
    const auto buffer = filled(kBlockBytes, 1);
    for (const auto handle : {FileHandle::none, FileHandle{1'000}}) {
        EXPECT_EQ(write_at(storage(), handle, 0, bytes(buffer)), -EBADF);
        EXPECT_EQ(read_at(storage(), handle, 0, bytes(buffer)), -EBADF);
        EXPECT_EQ(close_file(storage(), handle), -EBADF);
        EXPECT_EQ(run(storage(), {.kind = FileOpKind::sync_data, .file = handle}), -EBADF);
    }
    const auto file = make_file(storage(), "data", kBlockBytes);
    EXPECT_EQ(close_file(storage(), file), 0);
    EXPECT_EQ(read_at(storage(), file, 0, bytes(buffer)), -EBADF);
    EXPECT_EQ(run(storage(), {.kind = FileOpKind::sync_data, .file = file}), -EBADF);
}

TEST_P(StorageContract, UnlinkedFilesStayReadableWhileOpen) {
    const auto file = make_file(storage(), "data", kBlockBytes);
    const auto ones = filled(kBlockBytes, 1);
    ASSERT_EQ(write_at(storage(), file, 0, bytes(ones)), kBlock);
    EXPECT_EQ(on_path(FileOpKind::unlink, "data"), 0);
    EXPECT_EQ(on_path(FileOpKind::unlink, "data"), -ENOENT);
    EXPECT_EQ(size_of("data"), -ENOENT);
    const auto into = filled(kBlockBytes, 9);
    EXPECT_EQ(read_at(storage(), file, 0, bytes(into)), kBlock);
    EXPECT_TRUE(all_are({into->data, kBlock}, std::byte{1}));
}

TEST_P(StorageContract, RenameReplacesAndLinkRefuses) {
    close_file(storage(), make_file(storage(), "old", kBlockBytes));
    close_file(storage(), make_file(storage(), "new", 2 * kBlockBytes));
    EXPECT_EQ(on_path(FileOpKind::link, "old", "new"), -EEXIST);
    EXPECT_EQ(on_path(FileOpKind::link, "missing", "other"), -ENOENT);
    EXPECT_EQ(on_path(FileOpKind::link, "old", "linked"), 0);
    EXPECT_EQ(on_path(FileOpKind::rename, "old", "new"), 0);
    EXPECT_EQ(on_path(FileOpKind::rename, "old", "new"), -ENOENT);
    EXPECT_EQ(size_of("new"), kBlock);
    EXPECT_EQ(size_of("linked"), kBlock);
    EXPECT_THAT(names_in(""), UnorderedElementsAre("new", "linked"));
}

TEST_P(StorageContract, DirectoriesAreMadeListedAndRemovedWhenEmpty) {
    EXPECT_EQ(on_path(FileOpKind::make_directory, "topics"), 0);
    EXPECT_EQ(on_path(FileOpKind::make_directory, "topics"), -EEXIST);
    EXPECT_EQ(on_path(FileOpKind::make_directory, "topics/a-0"), 0);
    EXPECT_EQ(on_path(FileOpKind::make_directory, "missing/a-0"), -ENOENT);
    close_file(storage(), make_file(storage(), "topics/a-0/0.log", kBlockBytes));
    EXPECT_THAT(names_in("topics"), ElementsAre("a-0"));
    EXPECT_THAT(names_in("topics/a-0"), ElementsAre("0.log"));
    EXPECT_EQ(on_path(FileOpKind::sync_directory, "topics/a-0"), 0);
    EXPECT_EQ(on_path(FileOpKind::remove_directory, "topics/a-0"), -ENOTEMPTY);
    EXPECT_EQ(on_path(FileOpKind::unlink, "topics/a-0/0.log"), 0);
    EXPECT_THAT(names_in("topics/a-0"), IsEmpty());
    EXPECT_EQ(on_path(FileOpKind::remove_directory, "topics/a-0"), 0);
    EXPECT_EQ(on_path(FileOpKind::list, "topics/a-0"), -ENOENT);
    EXPECT_EQ(on_path(FileOpKind::sync_directory, "topics/a-0"), -ENOENT);
    EXPECT_EQ(on_path(FileOpKind::remove_directory, "topics/a-0"), -ENOENT);
}

TEST_P(StorageContract, KnowsTheFreeSpace) {
    FileOp op{.kind = FileOpKind::free_space};
    run_to_completion(storage(), op);
    EXPECT_EQ(op.result, 0);
    EXPECT_GT(op.size, 0U);
}

struct CountedOp : FileOp {
    std::size_t* ended = nullptr;
};

void count_end(FileOp& op) noexcept {
    ++*static_cast<CountedOp&>(op).ended;
}

TEST_P(StorageContract, CompletesNothingInsideSubmit) {
    const auto file = make_file(storage(), "data", kBlockBytes);
    const auto buffer = filled(kBlockBytes, 1);
    std::size_t ended = 0;
    std::deque<CountedOp> ops;
    const auto submit = [&](const FileOp& op) {
        auto& counted = ops.emplace_back();
        static_cast<FileOp&>(counted) = op;
        counted.done = count_end;
        counted.ended = &ended;
        storage().submit(counted);
        EXPECT_EQ(ended, 0U);
    };
    submit({.kind = FileOpKind::read, .file = file, .buffer = buffer->data, .length = kBlock});
    submit({.kind = FileOpKind::write, .file = FileHandle::none});
    submit({.kind = FileOpKind::stat, .path = "missing"});
    submit({.kind = FileOpKind::sync_data, .lane = Lane::wal, .file = file});
    EXPECT_EQ(storage().in_flight(), 4U);
    storage().flush_submissions();
    EXPECT_EQ(ended, 0U);
    run_until(ended, 4);
    EXPECT_EQ(storage().in_flight(), 0U);
    EXPECT_EQ(ops[0].result, kBlock);
    EXPECT_EQ(ops[1].result, -EBADF);
    EXPECT_EQ(ops[2].result, -ENOENT);
    EXPECT_EQ(ops[3].result, 0);
}

// Far more than a ring or a queue of the device holds.
TEST_P(StorageContract, TakesAnyNumberOfOperationsAtOnce) {
    constexpr std::size_t kCount = 3'000;
    const auto file = make_file(storage(), "data", kCount * kBlockBytes);
    const auto source = filled(kCount * kBlockBytes, 0);
    std::size_t ended = 0;
    std::deque<CountedOp> ops(kCount);
    for (std::size_t i = 0; i < kCount; ++i) {
        auto* const data = source->data + i * kBlockBytes;
        std::memcpy(data, &i, sizeof i);
        static_cast<FileOp&>(ops[i]) = {.kind = FileOpKind::write,
                                        .lane = i % 2 == 0 ? Lane::wal : Lane::background,
                                        .file = file,
                                        .buffer = data,
                                        .length = kBlockBytes,
                                        .position = i * kBlockBytes,
                                        .done = count_end};
        ops[i].ended = &ended;
        storage().submit(ops[i]);
    }
    EXPECT_EQ(storage().in_flight(), kCount);
    run_until(ended, kCount);
    EXPECT_EQ(ended, kCount);
    for (const auto& op : ops)
        ASSERT_EQ(op.result, kBlock);
    const auto into = filled(kCount * kBlockBytes, 9);
    ASSERT_EQ(read_at(storage(), file, 0, bytes(into, kCount * kBlockBytes)),
              static_cast<std::int64_t>(kCount * kBlockBytes));
    EXPECT_EQ(std::memcmp(into->data, source->data, kCount * kBlockBytes), 0);
}

struct Chain {
    Storage* storage = nullptr;
    FileOp op;
    std::size_t left = 0;
    std::size_t ended = 0;
    bool submitting = false;
};

TEST_P(StorageContract, CompletionsMaySubmitTheSameOperationAgain) {
    Chain chain;
    chain.storage = &storage();
    chain.left = 100;
    chain.op.owner = &chain;
    chain.op.kind = FileOpKind::write;
    chain.op.file = FileHandle::none;  // Ends at once: the hardest case for a promise of order.
    chain.op.done = [](FileOp& op) noexcept {
        auto& self = *static_cast<Chain*>(op.owner);
        EXPECT_FALSE(self.submitting);
        ++self.ended;
        if (--self.left == 0) return;
        self.submitting = true;
        self.storage->submit(op);
        self.submitting = false;
    };
    storage().submit(chain.op);
    run_until(chain.ended, 100);
    EXPECT_EQ(chain.ended, 100U);
    EXPECT_EQ(storage().in_flight(), 0U);
}

TEST_P(StorageContract, HandlesAreUsedAgainAfterTheirClose) {
    for (int round = 0; round < 3'000; ++round) {
        const auto file = open_file(storage(), "data");
        ASSERT_EQ(close_file(storage(), file), 0);
        ASSERT_LT(static_cast<std::int32_t>(file), 3'000);
    }
    const auto file = open_file(storage(), "data");
    const auto ones = filled(kBlockBytes, 1);
    EXPECT_EQ(write_at(storage(), file, 0, bytes(ones), Lane::wal), kBlock);
    EXPECT_EQ(write_at(storage(), file, 0, bytes(ones), Lane::wal), kBlock);
}

INSTANTIATE_TEST_SUITE_P(
        Backends,
        StorageContract,
        ::testing::Values("uring", "threads", "uring_buffered", "threads_buffered", "simulated"),
        [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace millrace::engine::testing
