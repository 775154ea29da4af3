// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/wal/wal_replay.h"

#include "engine/assert.h"
#include "engine/base/planted_bugs.h"
#include "engine/format/wal_group.h"
#include "engine/units.h"
#include "engine/wal/wal_chain.h"
#include "engine/wal/wal_directory.h"
#include "engine/wal/wal_files.h"
#include "engine/wal/wal_loss.h"
#include "engine/wal/wal_scan.h"

#include <algorithm>
#include <string>
#include <utility>

namespace millrace::engine {

namespace {

class Replay {
public:
    Replay(Storage& storage, Arena& arena, EventLog& events, const WalPosition& from)
            : events_(events), directory_(storage, arena, events, from.directory), from_(from) {}

    Result<ReplayedWal> run(bool accept_loss);

private:
    Result<void> scan();
    [[nodiscard]] bool place_is_there() const;
    Result<void> judge(bool entries_are_bad, bool accept_loss);
    Result<void> sync();

    EventLog& events_;
    WalDirectory directory_;
    WalPosition from_;
    ReplayedWal wal_;
    std::vector<ScannedGroup> later_;
};

Result<ReplayedWal> Replay::run(bool accept_loss) {
    TRY_VOID(directory_.open());
    wal_.start = from_;
    for (const auto& file : directory_.files()) {
        WalSlot slot;
        slot.slot = file.slot;
        slot.bytes = file.bytes;
        wal_.slots.push_back(std::move(slot));
    }
    WalChain chain(directory_, from_, wal_);
    TRY_VOID(chain.follow());
    if (chain.newer_format()) {
        events_.event(Level::error,
                      "wal.newer_format",
                      "a later version wrote this WAL",
                      {{"path", wal_file_path(from_.directory, wal_.end.slot)},
                       {"block", std::to_string(wal_.end.block)}});
        return failure(Errc::newer_format);
    }
    TRY_VOID(scan());
    TRY_VOID(judge(chain.entries_are_bad(), accept_loss));
    TRY_VOID(sync());
    return std::move(wal_);
}

// Everything that the chain did not lead through.
Result<void> Replay::scan() {
    for (std::size_t i = 0; i < wal_.slots.size(); ++i) {
        WalSlot& slot = wal_.slots[i];
        const FoundWalFile& file = directory_.files()[i];
        // In the file where replay ends, what lies before the end is older.
        const bool holds_end = wal_.end.file_number != 0 && slot.slot == wal_.end.slot;
        const std::uint64_t replayed =
                holds_end ? std::uint64_t{wal_.end.block} * kBlockBytes : slot.written_bytes;
        TRY(const auto scanned,
            scan_file(directory_, file, replayed, from_.directory, wal_.end.sequence, later_));
        slot.written_bytes = std::min(round_down(file.bytes, kBlockBytes),
                                      std::max(replayed, scanned.written_bytes));
        slot.file_number = std::max(slot.file_number, scanned.file_number);
        if (file.first && file.first->directory == from_.directory) {
            slot.file_number = std::max(slot.file_number, file.first->file_number);
        }
    }
    keep_followers(later_, wal_.end);
    wal_.clean_end = later_.empty();
    for (const auto& group : later_) {
        wal_.run_number = std::max(wal_.run_number, group.header.run_number);
    }
    return {};
}

// Whether what the checkpoint says of the place can be true. When a group was found there, it is.
bool Replay::place_is_there() const {
    if (from_.sequence == 0 || wal_.groups != 0) return true;
    if (bug_planted(PlantedBug::fall_back_unchecked)) return true;
    const FoundWalFile* file = directory_.find(from_.slot);
    if (file == nullptr) return false;
    if (from_.block == 0) return true;
    return file->first && file->first->file_number == from_.file_number &&
           std::uint64_t{from_.block} * kBlockBytes <= file->bytes;
}

Result<void> Replay::judge(bool entries_are_bad, bool accept_loss) {
    const Sequence expected = wal_.end.sequence;
    const bool cut = bug_planted(PlantedBug::cut_at_damage);
    const bool flushed = !cut && std::ranges::any_of(later_, [&](const ScannedGroup& group) {
        return group.header.sequence > expected && group.header.flushed_sequence >= expected;
    });
    std::string_view why;
    if (!place_is_there()) {
        why = "the place where the checkpoint says that replay starts is not there";
    } else if (flushed) {
        why = "a group that had been flushed is missing, and later ones are there";
    } else if (entries_are_bad) {
        why = "a group with a right checksum holds entries with wrong lengths";
    } else {
        return {};
    }
    TRY(WalLoss loss, describe_loss(directory_, wal_.end, later_));
    report_loss(events_, loss, wal_, why, accept_loss);
    if (!accept_loss) return failure(Errc::damaged_wal);
    wal_.losses.push_back(std::move(loss));
    return {};
}

Result<void> Replay::sync() {
    if (bug_planted(PlantedBug::readable_before_sync)) return {};
    for (const auto& slot : wal_.slots) {
        if (slot.use == nullptr) continue;
        const FoundWalFile* file = directory_.find(slot.slot);
        ASSERT(file != nullptr);
        TRY_VOID(directory_.sync(*file));
    }
    return {};
}

}  // namespace

Result<ReplayedWal> replay_wal(Storage& storage,
                               Arena& arena,
                               EventLog& events,
                               const WalPosition& from,
                               bool accept_loss) {
    return Replay(storage, arena, events, from).run(accept_loss);
}

}  // namespace millrace::engine
