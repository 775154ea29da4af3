// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Bugs that the crash campaigns must catch, compiled into those of the engine's files that
// tests/crash/planted_bugs_test.cc links instead of the library's. In the product every question is
// the constant false.
#pragma once

#include <cstdint>

namespace millrace::engine {

enum class PlantedBug : std::uint8_t {
    none,
    skip_flush,            // A group counts as flushed without its flush.
    flush_covers_later,    // A flush counts for groups that were not written when it was asked for.
    ack_before_mark,       // A `synced` append is answered before earlier groups are flushed.
    readable_before_sync,  // Replayed groups are readable before they are flushed.
    cut_at_damage,         // Replay takes every broken group for a torn end.
    synced_over_plain,     // Commit mode ring: no flush between plain groups and a synced one.
    fall_back_unchecked,   // The older slot is taken although its WAL place is gone.
    start_without_link,    // The start group does not name the group before it.
    accept_earlier_run,    // Replay goes on with a group whose chain or run is another's.
    ignore_short_write,    // A short write counts as a whole one.
    recycle_too_early,     // A WAL file goes that the older checkpoint slot still needs.
    skip_foreign_entries,  // Replay leaves out WAL directories of other shards.
    skip_directory_sync,   // A new segment file's directory is not synced.
    reuse_held_memory,     // Memory of a recycled WAL file is written over under its readers.
    early_duplicate,       // A duplicate is answered at once, whatever became of its original.
    snapshot_alone,        // Of producers only the snapshot counts, not the batches behind it.
    unlink_too_early,      // Segments go before the entry that moves the log start is flushed.
    release_hold_early,    // An atomic append is over before its entry is flushed.
    skip_fence,            // Its entry may be flushed before what its logs held before.
    forget_shares,         // Its WAL file is not kept for the partitions of other shards.
    skip_foreign_parts,    // Replay leaves out its batches of other shards than the entry's.
    swap_before_sync,      // Compacted files are named by a checkpoint without having been synced.
    unlink_before_named,   // Compacted segments go before a checkpoint names what replaces them.
    tombstone_too_early,   // Compaction takes tombstones with it at once.
    append_at_file_end,    // Goes on at the end of the file's blocks, not at the flushed position.
};

#ifdef MILLRACE_PLANTED_BUGS
// The one planted now: set it before the engine runs.
inline PlantedBug planted_bug = PlantedBug::none;

[[nodiscard]] inline bool bug_planted(PlantedBug bug) noexcept {
    return planted_bug == bug;
}
#else
[[nodiscard]] constexpr bool bug_planted(PlantedBug /*bug*/) noexcept {
    return false;
}
#endif

}  // namespace millrace::engine
