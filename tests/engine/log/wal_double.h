// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A write-ahead log of memory for tests of logs: entries lie in images as in the real one, and the
// test says when they are written and flushed, and which files are recycled.
#pragma once

#include "engine/arena.h"
#include "engine/wal/wal_appender.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace millrace::testing {

class WalDouble final : public engine::WalAppender {
public:
    struct Entry {
        engine::EntryKind kind = engine::EntryKind::append;
        engine::PartitionKey key;
        engine::WalPlace place;
        engine::WalSink* sink = nullptr;
        engine::Offset end;
        bool synced = false;
    };

    explicit WalDouble(engine::Arena& arena) : arena_(arena) {}

    engine::Result<engine::WalPlace> reserve(engine::EntryKind kind,
                                             const engine::PartitionKey& key,
                                             std::uint32_t payload_bytes,
                                             bool frees_space) override;
    void keep(const engine::WalPlace& place,
              engine::WalSink* sink,
              engine::Offset end,
              engine::Durability awaited) override;
    void take_back(const engine::WalPlace& place) noexcept override;
    void forget(engine::WalSink& sink) noexcept override;
    void entry_released(engine::WalFileUse& file) noexcept override;

    std::uint64_t live_bytes() const noexcept override { return live; }

    std::uint64_t bytes_max() const noexcept override { return 1000; }

    std::uint64_t appended_bytes() const noexcept override { return appended; }

    // Every entry kept so far is written, or flushed: its log hears of it.
    void write_all();
    void flush_all();

    // Later entries go to a new file and image, and to a new group.
    void next_file();

    // As if nothing had ever been kept: the files of its images are lost.
    void lose_everything();

    // Of all files.
    std::uint64_t unflushed() const;

    std::optional<engine::Errc> refuse;  // The next reserve answers it.
    std::uint64_t live = 0;              // Of bytes_max() = 1000.
    std::uint64_t appended = 0;
    std::uint32_t taken_back = 0;
    bool remember = true;        // False: entries are dropped when flushed.
    std::vector<Entry> entries;  // Kept, in order.
    std::vector<std::unique_ptr<engine::WalFileUse>> files;

private:
    static constexpr std::uint32_t kImageBytes = 1024 * 1024;
    static constexpr std::uint32_t kEntryHeaderBytes = 32;

    engine::Arena& arena_;
    engine::BufferRef image_;
    std::uint32_t used_ = 0;
    engine::Sequence group_ = 0;
    std::optional<Entry> open_;
    std::size_t written_ = 0;
    std::size_t flushed_ = 0;
};

}  // namespace millrace::testing
