// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Every backend of the Storage seam behind one door, so that one suite of claims holds for all.
#pragma once

#include "engine/arena.h"
#include "engine/event_log.h"
#include "engine/storage.h"
#include "engine/storage_root.h"
#include "tests/support/sim_storage.h"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::engine::testing {

// A new directory on a real file system, removed with everything in it.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

class LinesOfEvents : public EventLog {
public:
    void event(Level level,
               std::string_view name,
               std::string_view message,
               std::initializer_list<EventField> fields) noexcept override;

    // "storage.opened backend=uring ...", one string an event.
    [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

    // All lines that begin with the name.
    [[nodiscard]] std::vector<std::string> named(std::string_view name) const;

private:
    std::vector<std::string> lines_;
};

// A data directory, one storage over it, and words for operations that wait for their end.
class StorageBackend {
public:
    virtual ~StorageBackend() = default;
    [[nodiscard]] virtual Storage& storage() = 0;
};

// "uring", "threads", "uring_buffered", "threads_buffered", "simulated". Null when this machine
// forbids the backend.
[[nodiscard]] std::unique_ptr<StorageBackend> make_backend(std::string_view kind);

// Runs until done; results as FileOp::result.
std::int64_t run(Storage& storage, FileOp op);
FileHandle open_file(Storage& storage, std::string_view path, bool direct = true);
std::int64_t close_file(Storage& storage, FileHandle file);
// Makes it this long, filled with zeros.
FileHandle make_file(Storage& storage, std::string_view path, std::uint64_t bytes);
std::int64_t write_at(Storage& storage,
                      FileHandle file,
                      std::uint64_t position,
                      MutableBytes bytes,
                      Lane lane = Lane::background);
std::int64_t read_at(Storage& storage, FileHandle file, std::uint64_t position, MutableBytes into);

// Whether the buffer holds nothing but this byte.
[[nodiscard]] bool all_are(Bytes bytes, std::byte value);

}  // namespace millrace::engine::testing
