// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Adoptions of a shard, one after the other: the checkpoint that comes with the files is read, all
// of it is looked at, then every partition's files are moved, and everything is synced. The logs
// are opened, and the next checkpoint round names them.
//
// Thread:      the shard's.
// Memory:      the checkpoint that comes with the files, up to kAdoptedCheckpointBytesMax.
#pragma once

#include "engine/adoption.h"
#include "engine/format/checkpoint.h"
#include "engine/log/adoption/folder_adoption.h"

#include <cstdint>
#include <deque>
#include <map>
#include <string>

namespace millrace::engine {

class LogTable;
struct LogServices;

// Some 1.5 million segments.
inline constexpr std::uint64_t kAdoptedCheckpointBytesMax = 64ULL * 1024 * 1024;

class Adoptions : public FileSteps<Adoptions> {
public:
    Adoptions(LogContext& context, Trash& trash, LogTable& logs, LogServices& services);

    void start(AdoptOp& op);

    void fail(Error error) noexcept;

    // Begins none any more; see stopped().
    void stop() noexcept;

    // No files are on their way. Logs that were opened wait for the last round at most.
    [[nodiscard]] bool stopped() const noexcept { return stage_ != Stage::working; }

    // Begins what may begin. Once per loop turn.
    void end_turn() noexcept;

    [[nodiscard]] bool wants_turn() const noexcept {
        return stage_ == Stage::idle && !queue_.empty();
    }

    // Of the checkpoint round that is under way.
    void rows_taken() noexcept;
    void round_durable() noexcept;
    void round_abandoned() noexcept;

    // A round is needed.
    [[nodiscard]] bool wants_round() const noexcept { return stage_ == Stage::opened; }

private:
    friend class FileSteps<Adoptions>;

    enum class Stage : std::uint8_t { idle, working, opened, in_round };

    void measured() noexcept;
    void opened() noexcept;
    void read() noexcept;
    void closed() noexcept;
    void take_rows();
    void look_at_next() noexcept;
    void looked(Result<void> outcome) noexcept;
    void move_next() noexcept;
    void moved(Result<void> outcome) noexcept;
    void synced() noexcept;
    void refuse(std::string fault) noexcept;
    void finish(Result<void> outcome) noexcept;

    void stop(Error error) noexcept { finish(std::unexpected(error)); }

    [[nodiscard]] FilePath checkpoint_path() const noexcept;
    // Of the partition at work; null: it is empty.
    [[nodiscard]] PartitionRow* row() noexcept;

    [[nodiscard]] AdoptOp& op() noexcept { return *queue_.front(); }

    LogTable& logs_;
    LogServices& services_;
    FolderAdoption folder_;
    std::deque<AdoptOp*> queue_;  // The first is at work, unless idle.
    Stage stage_ = Stage::idle;
    bool stopping_ = false;
    BufferRef buffer_;
    std::uint64_t bytes_ = 0;
    FileHandle handle_ = FileHandle::none;
    std::map<std::uint32_t, PartitionRow> rows_;  // By partition.
    std::size_t partition_ = 0;                   // Of the op, at work.
};

}  // namespace millrace::engine
