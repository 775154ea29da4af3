// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One commit group on its way: being filled, sealed, written, flushed, reused.
#pragma once

#include "engine/buffer.h"
#include "engine/clock.h"
#include "engine/storage.h"
#include "engine/types.h"
#include "engine/wal/wal_appender.h"
#include "engine/wal/wal_files.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::engine {

// Who hears of an entry. A sink that was forgotten is null.
struct KeptEntry {
    WalSink* sink = nullptr;
    Offset end;
};

struct Group {
    Sequence sequence = 0;
    Sequence flushed_sequence = 0;  // What its header says.
    std::uint32_t crc = 0;
    WalFile* file = nullptr;
    std::uint64_t position = 0;  // In the file.

    BufferRef image;
    std::byte* data = nullptr;   // In the image.
    std::uint32_t capacity = 0;  // Whole blocks.
    std::uint32_t used = 0;      // Header and entries.
    std::uint32_t size = 0;      // What is written: `used` padded to blocks, once sealed.

    std::vector<KeptEntry> kept;  // Keeps its memory when the group is reused.
    bool synced = false;          // Somebody waits for its flush.
    bool awaited = false;         // Somebody waits for its write, or for its flush.
    bool counts = false;          // It holds more than an `empty` entry.
    bool submitted = false;
    bool written = false;
    bool durable = false;  // Its own bytes are flushed.
    bool warned = false;
    Sequence flushes_to = 0;  // Its write makes groups up to this one durable, too.
    MonotonicTime submitted_at{};
    MonotonicTime written_at{};

    FileOp write;
    Group* next = nullptr;  // Of its queue or of the free ones.
};

}  // namespace millrace::engine
