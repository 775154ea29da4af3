// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/engine/io/storage_backend.h"

#include "engine/io/local_storage_root.h"

#include <algorithm>
#include <stdexcept>
#include <stdlib.h>

namespace millrace::engine::testing {

namespace {

class FileBackend final : public StorageBackend {
public:
    FileBackend(IoChoice io, bool direct) {
        auto root = LocalStorageRoot::open(directory_.path(), {.io = io}, events_, direct);
        if (!root) throw std::runtime_error("the data directory does not open");
        root_ = std::move(*root);
        auto storage = root_->make_storage();
        if (!storage) throw std::runtime_error("no storage");
        storage_ = std::move(*storage);
    }

    [[nodiscard]] Storage& storage() override { return *storage_; }

private:
    TemporaryDirectory directory_;
    LinesOfEvents events_;
    std::unique_ptr<StorageRoot> root_;
    std::unique_ptr<Storage> storage_;
};

class SimulatedBackend final : public StorageBackend {
public:
    [[nodiscard]] Storage& storage() override { return storage_; }

private:
    millrace::testing::SimDisk disk_;
    millrace::testing::SimStorage storage_{disk_};
};

bool ring_is_allowed() {
    const TemporaryDirectory directory;
    LinesOfEvents events;
    return StorageRoot::open(directory.path(), {.io = IoChoice::uring}, events).has_value();
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
    std::string pattern = "/var/tmp/millrace-io-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp: " + pattern);
    path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void LinesOfEvents::event(Level /*level*/,
                          std::string_view name,
                          std::string_view /*message*/,
                          std::initializer_list<EventField> fields) noexcept {
    std::string line(name);
    for (const auto& field : fields)
        line.append(" ").append(field.key) += "=" + field.value;
    lines_.push_back(line);
}

std::vector<std::string> LinesOfEvents::named(std::string_view name) const {
    std::vector<std::string> chosen;
    for (const auto& line : lines_) {
        if (line.starts_with(std::string(name) + " ")) chosen.push_back(line);
    }
    return chosen;
}

std::unique_ptr<StorageBackend> make_backend(std::string_view kind) {
    if (kind == "simulated") return std::make_unique<SimulatedBackend>();
    const bool direct = !kind.ends_with("_buffered");
    if (kind.starts_with("threads"))
        return std::make_unique<FileBackend>(IoChoice::threads, direct);
    if (!ring_is_allowed()) return nullptr;
    return std::make_unique<FileBackend>(IoChoice::uring, direct);
}

std::int64_t run(Storage& storage, FileOp op) {
    run_to_completion(storage, op);
    return op.result;
}

FileHandle open_file(Storage& storage, std::string_view path, bool direct) {
    FileOp op{.kind = FileOpKind::open, .create = true, .direct = direct, .path = path};
    run_to_completion(storage, op);
    if (op.result < 0) throw std::runtime_error("open: " + std::to_string(op.result));
    return FileHandle{static_cast<std::int32_t>(op.result)};
}

std::int64_t close_file(Storage& storage, FileHandle file) {
    return run(storage, {.kind = FileOpKind::close, .file = file});
}

FileHandle make_file(Storage& storage, std::string_view path, std::uint64_t bytes) {
    const auto file = open_file(storage, path);
    const auto result = run(storage, {.kind = FileOpKind::allocate, .file = file, .length = bytes});
    if (result != 0) throw std::runtime_error("allocate: " + std::to_string(result));
    return file;
}

std::int64_t write_at(
        Storage& storage, FileHandle file, std::uint64_t position, MutableBytes bytes, Lane lane) {
    return run(storage,
               {.kind = FileOpKind::write,
                .lane = lane,
                .file = file,
                .buffer = bytes.data(),
                .length = bytes.size(),
                .position = position});
}

std::int64_t read_at(Storage& storage, FileHandle file, std::uint64_t position, MutableBytes into) {
    return run(storage,
               {.kind = FileOpKind::read,
                .file = file,
                .buffer = into.data(),
                .length = into.size(),
                .position = position});
}

bool all_are(Bytes bytes, std::byte value) {
    return std::all_of(bytes.begin(), bytes.end(), [value](auto byte) { return byte == value; });
}

}  // namespace millrace::engine::testing
