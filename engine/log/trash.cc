// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/trash.h"

#include <cerrno>
#include <utility>

namespace millrace::engine {

void Trash::empty() noexcept {
    again_ = running_;
    if (running_ || context_.failed) return;
    running_ = true;
    path_call(FileOpKind::list, FilePath(kTrashDirectory), &Trash::folders_listed);
}

void Trash::folders_listed() noexcept {
    if (result() < 0) {
        running_ = false;  // It does not exist, or cannot be read: nothing depends on it.
        return;
    }
    folders_ = std::exchange(op_.names, {});
    next_folder();
}

FilePath Trash::folder_path() const noexcept {
    FilePath path(kTrashDirectory);
    path.append("/").append(folders_.back());
    return path;
}

void Trash::next_folder() noexcept {
    if (!folders_.empty()) {
        path_call(FileOpKind::list, folder_path(), &Trash::files_listed);
        return;
    }
    running_ = false;
    if (std::exchange(again_, false)) empty();
}

void Trash::files_listed() noexcept {
    files_ = std::exchange(op_.names, {});
    next_file();
}

void Trash::next_file() noexcept {
    auto path = folder_path();
    if (files_.empty()) {
        path_call(FileOpKind::remove_directory, path, &Trash::folder_removed);
        return;
    }
    path.append("/").append(files_.back());
    path_call(FileOpKind::unlink, path, &Trash::file_unlinked);
}

void Trash::file_unlinked() noexcept {
    if (result() < 0 && result() != -ENOENT) {
        context_.events.event(Level::warning,
                              "trash.not_removed",
                              "a file of a deleted partition cannot be removed",
                              {{"file", files_.back()}, {"errno", std::to_string(-result())}});
    }
    files_.pop_back();
    next_file();
}

void Trash::folder_removed() noexcept {
    folders_.pop_back();
    next_folder();
}

void Trash::stop(Error /*error*/) noexcept {
    running_ = again_ = false;
}

}  // namespace millrace::engine
