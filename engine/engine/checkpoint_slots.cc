// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/checkpoint_slots.h"

#include "engine/format/checkpoint_codec.h"
#include "engine/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace millrace::engine {

namespace {

constexpr std::uint64_t kPieceBytes = 256 * kKiB;

// The whole file; fails when any part of it cannot be read.
Result<std::vector<std::byte>> read_file(BlockingFiles& files,
                                         Arena& arena,
                                         std::string_view path,
                                         std::uint64_t bytes) {
    const auto buffer = arena.allocate(kPieceBytes);
    if (!buffer) return failure(Errc::no_room);
    TRY(const auto file, files.open(path, false));
    std::vector<std::byte> contents;
    Result<void> outcome;
    // A slot is whole blocks; what follows the last whole block was never a checkpoint's.
    for (std::uint64_t position = 0; position + kBlockBytes <= bytes && outcome;) {
        const auto length = round_down(std::min(kPieceBytes, bytes - position), kBlockBytes);
        outcome = files.read(file, position, buffer->data, length);
        if (!outcome) break;
        contents.insert(contents.end(), buffer->data, buffer->data + length);
        position += length;
    }
    files.close(file);
    if (!outcome) return std::unexpected(outcome.error());
    return contents;
}

Result<Checkpoint> read_slot(BlockingFiles& files,
                             Arena& arena,
                             std::string_view path,
                             std::uint64_t bytes) {
    TRY(const auto contents, read_file(files, arena, path, bytes));
    return decode_checkpoint(contents);
}

}  // namespace

Result<FoundCheckpoint> read_checkpoint_slots(Storage& storage, Arena& arena, EventLog& events) {
    BlockingFiles files(storage, events);
    FoundCheckpoint found;
    for (std::size_t index = 0; index < kCheckpointSlots.size(); ++index) {
        const auto path = kCheckpointSlots[index];
        TRY(const auto size, files.size_of(path));
        if (!size) continue;
        found.slots[index].bytes = *size;
        auto checkpoint = read_slot(files, arena, path, *size);
        if (!checkpoint) {
            const auto code = checkpoint.error().code;
            if (code == Errc::newer_format) {
                events.event(Level::error,
                             "checkpoint.newer_format",
                             "The checkpoint was written by a later version of this program.",
                             {{"path", std::string(path)}});
                return std::unexpected(checkpoint.error());
            }
            events.event(Level::warning,
                         "checkpoint.bad_slot",
                         "A checkpoint slot cannot be used; the other one decides.",
                         {{"path", std::string(path)}, {"error", std::string(name_of(code))}});
            continue;
        }
        found.slots[index].number = checkpoint->number;
        if (!found.newest || checkpoint->number > found.newest->number) {
            found.newest = *std::move(checkpoint);
        }
    }
    return found;
}

Result<void> sync_checkpoint_slots(Storage& storage,
                                   EventLog& events,
                                   const FoundCheckpoint& found) {
    BlockingFiles files(storage, events);
    for (std::size_t index = 0; index < kCheckpointSlots.size(); ++index) {
        if (found.slots[index].number == 0) continue;
        const auto path = kCheckpointSlots[index];
        TRY(const auto file, files.open(path, false));
        const auto synced = files.sync(file, path);
        files.close(file);
        if (!synced) return synced;
    }
    return files.sync_directory("");
}

Result<FoundCheckpoint> make_checkpoint_slots(Storage& storage,
                                              Arena& arena,
                                              EventLog& events,
                                              std::uint32_t shards) {
    FoundCheckpoint made;
    made.newest = Checkpoint{.number = 1, .shards = shards, .wals = {}, .partitions = {}};
    std::vector<std::byte> bytes;
    encode_checkpoint(*made.newest, bytes);
    const auto buffer = arena.allocate(bytes.size());
    if (!buffer) return failure(Errc::no_room);
    std::memcpy(buffer->data, bytes.data(), bytes.size());

    BlockingFiles files(storage, events);
    for (std::size_t index = 0; index < kCheckpointSlots.size(); ++index) {
        const auto path = kCheckpointSlots[index];
        TRY(const auto file, files.open(path, true));
        TRY_VOID(files.allocate(file, path, kCheckpointAheadBytes));
        TRY_VOID(files.write(file, path, 0, buffer->data, bytes.size()));
        TRY_VOID(files.sync(file, path));
        files.close(file);
        made.slots[index] = {.number = made.newest->number, .bytes = kCheckpointAheadBytes};
    }
    TRY_VOID(files.sync_directory(""));
    return made;
}

}  // namespace millrace::engine
