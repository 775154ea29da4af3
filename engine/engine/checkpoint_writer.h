// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Writes a checkpoint into both slots, one after the other: first the one that matters less, and
// the second only when the first is on stable storage. At any moment one slot is whole, and when
// both are done no slot names WAL that the checkpoint has freed.
//
// Lifecycle:   made by shard 0; one write at a time; destroy when idle.
// Thread:      shard 0's.
// Durability:  when `done` runs without an error both slots are on stable storage.
#pragma once

#include "engine/engine/checkpoint_slots.h"
#include "engine/format/checkpoint.h"
#include "engine/storage.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::engine {

struct CheckpointWriteOp {
    void (*done)(CheckpointWriteOp& op) noexcept = nullptr;  // From a completion, exactly once.
    void* owner = nullptr;
    Result<void> outcome;     // storage_full: a slot is too short and cannot grow. shutting_down:
                              // `failed` was set. io_failed.
    std::uint64_t bytes = 0;  // Of one slot.
};

class CheckpointWriter {
public:
    // `failed`: once it is true no further write begins.
    CheckpointWriter(Storage& storage,
                     const FoundCheckpoint& found,
                     const std::atomic<bool>& failed);
    ~CheckpointWriter();
    CheckpointWriter(const CheckpointWriter&) = delete;
    CheckpointWriter& operator=(const CheckpointWriter&) = delete;

    // `checkpoint` is read before the call returns.
    void write(const Checkpoint& checkpoint, CheckpointWriteOp& op) noexcept;

    // The number that the next checkpoint takes: above both slots'.
    [[nodiscard]] std::uint64_t next_number() const noexcept;

    [[nodiscard]] bool idle() const noexcept { return !file_op_busy_; }

private:
    struct Slot {
        std::uint64_t number = 0;
        std::uint64_t bytes = 0;
        FileHandle file = FileHandle::none;
        bool is_new = false;  // Its directory entry is not known to be on stable storage.
    };

    enum class Step : std::uint8_t { open, allocate, write, sync, sync_directory };

    void begin_slot() noexcept;
    void submit(Step step) noexcept;
    void step_done() noexcept;
    void after_open() noexcept;
    void after_allocate() noexcept;
    void after_write() noexcept;
    void slot_done() noexcept;
    void write_piece() noexcept;
    void finish(Result<void> outcome) noexcept;

    struct FreeAligned {
        void operator()(std::byte* memory) const noexcept;
    };

    Storage& storage_;
    const std::atomic<bool>& failed_;
    std::array<Slot, 2> slots_;
    // Not from the arena: a checkpoint must be possible when the arena is full.
    std::unique_ptr<std::byte, FreeAligned> piece_;
    std::vector<std::byte> bytes_;
    std::uint64_t number_ = 0;
    std::size_t current_ = 0;
    std::size_t slots_left_ = 0;
    std::uint64_t position_ = 0;
    Step step_ = Step::open;
    FileOp file_op_;
    bool file_op_busy_ = false;
    CheckpointWriteOp* op_ = nullptr;
};

}  // namespace millrace::engine
