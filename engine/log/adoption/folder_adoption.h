// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The files of one partition that is adopted: looked at, then moved to a folder of its own.
//
// Thread:      the shard's.
// Crash story: nothing names the new folder before a checkpoint does; left behind, it is in
// nobody's
//              way (FolderMaker).
#pragma once

#include "engine/adoption.h"
#include "engine/format/checkpoint.h"
#include "engine/log/folder_maker.h"

#include <cstddef>
#include <string>

namespace millrace::engine {

class FolderAdoption : public FileSteps<FolderAdoption> {
public:
    FolderAdoption(LogContext& context, Trash& trash)
            : FileSteps(context), maker_(context, trash) {}

    // Whether the files that the row names are there and as long as it says. Errors: damaged_range
    // (see fault()), the failure of the logs.
    void look(const std::string& source, const PartitionRow& row, Completion done) noexcept;

    // Makes the folder of the partition and moves the files there. Nothing is synced. Errors:
    // damaged_range, storage_full, no_room, the failure of the logs.
    void move(const std::string& source,
              const PartitionRow& row,
              const AdoptedPartition& partition,
              Completion done);

    // After damaged_range.
    [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

private:
    friend class FileSteps<FolderAdoption>;

    void look_at_next() noexcept;
    void looked() noexcept;
    void folder_made(Result<void> outcome) noexcept;
    void move_next() noexcept;
    void moved() noexcept;
    void refuse(std::string fault) noexcept;
    void finish(Result<void> outcome) noexcept;

    void stop(Error error) noexcept { finish(std::unexpected(error)); }

    [[nodiscard]] FilePath source_path(Offset base, std::string_view suffix) const noexcept;

    FolderMaker maker_;
    LogState folder_;  // Stands for the log that is not there yet.
    const std::string* source_ = nullptr;
    const PartitionRow* row_ = nullptr;
    std::size_t segment_ = 0;  // At work; likewise the next.
    std::size_t suffix_ = 0;
    std::string fault_;
    Completion done_;
};

}  // namespace millrace::engine
