// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Takes away what lies in trash/: files, then their folder. In the background, one at a time; what
// a crash leaves there goes with the next request.
#pragma once

#include "engine/log/file_steps.h"

#include <string>
#include <vector>

namespace millrace::engine {

// Thread: the shard's. Several shards may empty it at once: what is gone already is no error.
class Trash : public FileSteps<Trash> {
public:
    explicit Trash(LogContext& context) : FileSteps(context) {}

    // Everything that is in trash/ now goes away some time.
    void empty() noexcept;

private:
    friend class FileSteps<Trash>;

    void folders_listed() noexcept;
    void next_folder() noexcept;
    void files_listed() noexcept;
    void next_file() noexcept;
    void file_unlinked() noexcept;
    void folder_removed() noexcept;
    void stop(Error error) noexcept;

    [[nodiscard]] FilePath folder_path() const noexcept;

    bool running_ = false;
    bool again_ = false;
    std::vector<std::string> folders_;
    std::vector<std::string> files_;
};

}  // namespace millrace::engine
