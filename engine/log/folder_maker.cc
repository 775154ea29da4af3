// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/folder_maker.h"

#include "engine/format/partition_metadata.h"
#include "engine/units.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

namespace millrace::engine {

void FolderMaker::start(LogState& log, Completion done) noexcept {
    log_ = &log;
    done_ = done;
    attempt_ = 0;
    topics_tried_ = false;
    make();
}

void FolderMaker::make() noexcept {
    path_call(FileOpKind::make_directory, path(), &FolderMaker::made);
}

void FolderMaker::made() noexcept {
    if (is_full(result())) return finish(failure(Errc::storage_full));
    if (result() == -ENOENT && !topics_tried_) {
        topics_tried_ = true;
        return path_call(
                FileOpKind::make_directory, FilePath(kTopicsDirectory), &FolderMaker::topics_made);
    }
    if (result() == -EEXIST) {
        return open_file(partition_file_path(log_->directory, kPartitionMetadataName),
                         false,
                         &FolderMaker::metadata_opened);
    }
    if (ended_by_failure("making a partition's folder")) return;
    write_metadata();
}

void FolderMaker::topics_made() noexcept {
    if (is_full(result())) return finish(failure(Errc::storage_full));
    // Another shard may have been faster.
    if (result() != -EEXIST && ended_by_failure("making topics/")) return;
    make();
}

void FolderMaker::write_metadata() noexcept {
    const auto text = encode_partition_metadata(log_->key.topic);
    auto* to =
            metadata_.prepare({.path = partition_file_path(log_->directory, kPartitionMetadataName),
                               .length = text.size(),
                               .sync = true});
    if (to == nullptr) return finish(failure(Errc::no_room));
    std::ranges::transform(text, to, [](char c) { return static_cast<std::byte>(c); });
    metadata_.start(completion_of<&FolderMaker::metadata_written>(*this));
}

void FolderMaker::metadata_written(Result<void> outcome) noexcept {
    if (!outcome) return finish(outcome);
    path_call(FileOpKind::sync_directory, path(), &FolderMaker::folder_synced);
}

void FolderMaker::folder_synced() noexcept {
    if (ended_by_failure("sync of a partition's folder")) return;
    log_->folder_ready = true;
    log_->unsynced.parent = true;
    finish({});
}

void FolderMaker::metadata_opened() noexcept {
    is_ours_ = false;
    read_error_ = result() < 0 ? static_cast<int>(-result()) : 0;
    // A crash fell between the folder and its metadata: nothing in it is of use.
    if (result() == -ENOENT) return move_to_trash();
    if (ended_by_failure("open of partition.metadata")) return;
    handle_ = static_cast<FileHandle>(result());
    buffer_ = context_.arena.allocate(kBlockBytes);
    if (!buffer_) return file_call(FileOpKind::close, handle_, &FolderMaker::closed_unread);
    transfer(FileOpKind::read, handle_, buffer_->data, 0, kBlockBytes, &FolderMaker::metadata_read);
}

void FolderMaker::closed_unread() noexcept {
    finish(failure(Errc::no_room));
}

void FolderMaker::metadata_read() noexcept {
    if (result() < 0) read_error_ = static_cast<int>(-result());
    if (result() > 0) {
        const auto size = static_cast<std::size_t>(result());
        std::string text(size, '\0');
        std::transform(buffer_->data, buffer_->data + size, text.begin(), [](std::byte byte) {
            return static_cast<char>(byte);
        });
        is_ours_ = decode_partition_metadata(text) == log_->key.topic;
    }
    // A run that was killed may have left it in the page cache alone. A checkpoint that knows of
    // data in the folder came after its sync.
    if (is_ours_ && !has_data()) {
        return file_call(FileOpKind::sync_data, handle_, &FolderMaker::metadata_synced);
    }
    file_call(FileOpKind::close, handle_, &FolderMaker::metadata_closed);
}

void FolderMaker::metadata_synced() noexcept {
    if (ended_by_failure("sync of partition.metadata")) return;
    file_call(FileOpKind::close, handle_, &FolderMaker::metadata_closed);
}

void FolderMaker::metadata_closed() noexcept {
    buffer_ = {};
    if (!is_ours_) return move_to_trash();
    left_files_.remove(*log_, completion_of<&FolderMaker::left_files_removed>(*this));
}

void FolderMaker::left_files_removed(Result<void> outcome) noexcept {
    if (!outcome) return finish(outcome);
    log_->folder_ready = true;
    // An earlier run may have ended before it synced the names.
    log_->unsynced.folder = true;
    log_->unsynced.parent = true;
    finish({});
}

bool FolderMaker::has_data() const noexcept {
    return !log_->segments.empty() && log_->segments.at(0).has_file;
}

void FolderMaker::move_to_trash() noexcept {
    if (has_data()) {
        context_.events.event(
                Level::error,
                "log.foreign_folder",
                read_error_ != 0 ? "partition.metadata of a partition with data is not readable"
                                 : "the folder of a partition with data is another topic's",
                {{"folder", std::string(path().view())}, {"errno", std::to_string(read_error_)}});
        const Error error{Errc::foreign_directory, 0};
        context_.fail(error, "identity of a partition's folder");
        return stop(error);
    }
    path_call(FileOpKind::make_directory, FilePath(kTrashDirectory), &FolderMaker::trash_made);
}

void FolderMaker::trash_made() noexcept {
    if (is_full(result())) return finish(failure(Errc::storage_full));
    if (result() != -EEXIST && ended_by_failure("making trash/")) return;
    rename(path(), trash_path(log_->key, attempt_), &FolderMaker::moved);
}

void FolderMaker::moved() noexcept {
    if (is_full(result())) return finish(failure(Errc::storage_full));
    if (result() == -EEXIST || result() == -ENOTEMPTY) {
        ++attempt_;
        return rename(path(), trash_path(log_->key, attempt_), &FolderMaker::moved);
    }
    if (ended_by_failure("moving a foreign folder to trash/")) return;
    path_call(FileOpKind::sync_directory, FilePath(kTopicsDirectory), &FolderMaker::topics_synced);
}

void FolderMaker::topics_synced() noexcept {
    if (ended_by_failure("sync of topics/")) return;
    path_call(FileOpKind::sync_directory, FilePath(kTrashDirectory), &FolderMaker::trash_synced);
}

void FolderMaker::trash_synced() noexcept {
    if (ended_by_failure("sync of trash/")) return;
    trash_.empty();
    make();
}

void FolderMaker::finish(Result<void> outcome) noexcept {
    buffer_ = {};
    log_ = nullptr;
    const auto done = std::exchange(done_, {});
    done(outcome);
}

}  // namespace millrace::engine
