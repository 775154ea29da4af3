// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Makes a partition's folder before its first file, or finds that the one that is there is this
// topic's. Identity is the topic id: partition.metadata is on stable storage, with its name, before
// any data is. A folder of another topic, or of none, goes to trash/; in a folder that is its own,
// files of segments that no checkpoint names are removed.
#pragma once

#include "engine/log/left_files.h"
#include "engine/log/log_state.h"
#include "engine/log/small_file.h"
#include "engine/log/trash.h"

#include <cstdint>

namespace millrace::engine {

// Errors:      storage_full (may be tried again). Others are final: the logs have failed.
class FolderMaker : public FileSteps<FolderMaker> {
public:
    FolderMaker(LogContext& context, Trash& trash)
            : FileSteps(context), metadata_(context), left_files_(context), trash_(trash) {}

    // On success log.folder_ready is set. The parent directory still has to be synced.
    void start(LogState& log, Completion done) noexcept;

private:
    friend class FileSteps<FolderMaker>;

    void make() noexcept;
    void made() noexcept;
    void topics_made() noexcept;
    void write_metadata() noexcept;
    void metadata_written(Result<void> outcome) noexcept;
    void folder_synced() noexcept;
    void metadata_opened() noexcept;
    void closed_unread() noexcept;
    void metadata_read() noexcept;
    void metadata_synced() noexcept;
    void metadata_closed() noexcept;
    void left_files_removed(Result<void> outcome) noexcept;
    // As the checkpoint says that the run began with.
    [[nodiscard]] bool has_data() const noexcept;
    void move_to_trash() noexcept;
    void trash_made() noexcept;
    void moved() noexcept;
    void topics_synced() noexcept;
    void trash_synced() noexcept;
    void finish(Result<void> outcome) noexcept;

    void stop(Error error) noexcept { finish(std::unexpected(error)); }

    [[nodiscard]] FilePath path() const noexcept { return partition_path(log_->directory); }

    SmallFileWriter metadata_;
    LeftFiles left_files_;
    Trash& trash_;
    LogState* log_ = nullptr;
    BufferRef buffer_;
    FileHandle handle_ = FileHandle::none;
    std::uint32_t attempt_ = 0;
    bool topics_tried_ = false;
    bool is_ours_ = false;
    int read_error_ = 0;  // Why partition.metadata could not be read.
    Completion done_;
};

}  // namespace millrace::engine
