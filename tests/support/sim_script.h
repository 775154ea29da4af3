// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// File operations on a simulated disk one after the other, for tests of disks and of files.
#pragma once

#include "tests/support/sim_storage.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::testing {

// Whole blocks of one byte, aligned for direct I/O.
class AlignedBlocks {
public:
    explicit AlignedBlocks(std::size_t bytes, char fill = 0)
            : size_(bytes),
              data_(static_cast<std::byte*>(std::aligned_alloc(engine::kBlockBytes, bytes)),
                    &std::free) {
        std::fill_n(data_.get(), bytes, static_cast<std::byte>(fill));
    }

    [[nodiscard]] std::byte* data() const { return data_.get(); }

    [[nodiscard]] std::size_t size() const { return size_; }

    [[nodiscard]] std::string text() const {
        return {reinterpret_cast<const char*>(data()), size()};
    }

private:
    std::size_t size_;
    std::unique_ptr<std::byte, void (*)(void*)> data_;
};

// Each call submits an operation and executes all that is flushed. Results as in FileOp.
class SimScript {
public:
    explicit SimScript(SimDisk& disk, const SimStorageOptions& options = {})
            : storage_(disk, options) {}

    [[nodiscard]] SimStorage& storage() { return storage_; }

    std::int64_t run(engine::FileOp& op) {
        op.done = [](engine::FileOp&) noexcept {};
        storage_.submit(op);
        storage_.flush_submissions();
        while (storage_.step()) {
        }
        return op.result;
    }

    engine::FileHandle open(std::string_view path, bool direct = true, bool create = true) {
        engine::FileOp op;
        op.kind = engine::FileOpKind::open;
        op.path = path;
        op.direct = direct;
        op.create = create;
        return static_cast<engine::FileHandle>(run(op));
    }

    std::int64_t write(engine::FileHandle file,
                       std::uint64_t position,
                       const AlignedBlocks& blocks,
                       engine::WriteSync sync = engine::WriteSync::none) {
        engine::FileOp op;
        op.kind = engine::FileOpKind::write;
        op.file = file;
        op.position = position;
        op.buffer = blocks.data();
        op.length = blocks.size();
        op.sync = sync;
        return run(op);
    }

    std::int64_t read(engine::FileHandle file, std::uint64_t position, AlignedBlocks& blocks) {
        engine::FileOp op;
        op.kind = engine::FileOpKind::read;
        op.file = file;
        op.position = position;
        op.buffer = blocks.data();
        op.length = blocks.size();
        return run(op);
    }

    std::int64_t on_file(engine::FileOpKind kind,
                         engine::FileHandle file,
                         std::uint64_t length = 0,
                         std::uint64_t position = 0) {
        engine::FileOp op;
        op.kind = kind;
        op.file = file;
        op.length = length;
        op.position = position;
        return run(op);
    }

    std::int64_t on_path(engine::FileOpKind kind,
                         std::string_view path,
                         std::string_view path_to = {}) {
        engine::FileOp op;
        op.kind = kind;
        op.path = path;
        op.path_to = path_to;
        return run(op);
    }

private:
    SimStorage storage_;
};

}  // namespace millrace::testing
