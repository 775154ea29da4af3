// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// StorageRoot over a directory of this machine.
#pragma once

#include "engine/io/descriptor.h"
#include "engine/io/file_storage.h"
#include "engine/io/file_system_probe.h"
#include "engine/io/worker_threads.h"
#include "engine/io/write_cache_probe.h"
#include "engine/storage_root.h"

namespace millrace::engine {

class LocalStorageRoot final : public StorageRoot {
public:
    // `direct_allowed` = false: as on a file system without direct I/O.
    [[nodiscard]] static Result<std::unique_ptr<StorageRoot>> open(
            const std::filesystem::path& directory,
            const StorageRootOptions& options,
            EventLog& events,
            bool direct_allowed = true);

    // Nothing is open yet: use open().
    LocalStorageRoot(std::filesystem::path path, IoChoice choice, EventLog& events)
            : path_(std::move(path)), choice_(choice), events_(events) {}

    [[nodiscard]] Result<std::unique_ptr<Storage>> make_storage() override;
    [[nodiscard]] std::string_view io_name() const noexcept override;

    [[nodiscard]] const std::filesystem::path& directory() const noexcept override { return path_; }

    [[nodiscard]] std::uint64_t filesystem_bytes() const noexcept override {
        return file_system_.bytes;
    }

private:
    [[nodiscard]] Result<void> open_directory();
    [[nodiscard]] Result<void> choose_backend();
    [[nodiscard]] bool prefers_synced_writes() const noexcept;
    void report() const;
    [[nodiscard]] Result<StorageParts> make_parts() const;
    [[nodiscard]] std::unexpected<Error> failed(std::string_view call, int error) const;

    std::filesystem::path path_;
    IoChoice choice_;
    EventLog& events_;
    Descriptor directory_;
    Descriptor lock_;
    FileSystemFacts file_system_;
    WriteCacheFacts cache_;
    bool uring_ = false;
    std::string backend_why_;
    std::unique_ptr<WorkerThreads> pool_;
};

}  // namespace millrace::engine
