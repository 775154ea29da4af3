// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/wal_options.h"

#include "engine/units.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::engine {

namespace {

constexpr std::uint64_t kFilesOfShare = 8;
constexpr std::uint64_t kFilesMin = 4;
constexpr std::uint64_t kFileBytesMin = 8 * kMiB;
constexpr std::uint64_t kFileBytesMax = 64 * kMiB;

WriteSync commit_of(const EngineOptions& options, const Storage& storage) {
    const bool ring = options.commit == CommitMode::automatic ? storage.prefers_synced_writes()
                                                              : options.commit == CommitMode::ring;
    return ring ? WriteSync::bytes : WriteSync::file;
}

// SplitMix64: a number of the run's that no other directory and no other run has.
std::uint64_t mix(std::uint64_t seed, std::uint64_t number) {
    auto bits = seed + (number + 1) * 0x9e3779b97f4a7c15U;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
    return bits ^ (bits >> 31);
}

}  // namespace

std::uint64_t wal_file_bytes(const EngineOptions& options) {
    const auto share = options.wal_bytes / options.shards;
    const auto wanted = options.wal_file_bytes != 0
                                ? options.wal_file_bytes
                                : std::clamp(share / kFilesOfShare, kFileBytesMin, kFileBytesMax);
    // With fewer files appends could wait for the file that they go to themselves.
    return round_down(std::min(wanted, share / kFilesMin), kBlockBytes);
}

WalOptions wal_options(const EngineOptions& options,
                       std::uint32_t run_number,
                       std::uint32_t shard,
                       const Storage& storage) {
    WalOptions wal;
    wal.directory = shard;
    wal.file_bytes = wal_file_bytes(options);
    wal.bytes_max = options.wal_bytes / options.shards;
    wal.first_frontier_bytes = options.wal_first_frontier_bytes;
    wal.commit = commit_of(options, storage);
    wal.groups_in_flight = options.groups_in_flight;
    wal.group_bytes_max = options.group_bytes_max;
    wal.run_bits = mix(mix(options.random_seed, run_number), shard);
    wal.run_number = run_number;
    return wal;
}

void report_commit_mode(EventLog& events, const EngineOptions& options, const Storage& storage) {
    const bool ring = commit_of(options, storage) == WriteSync::bytes;
    events.event(Level::info,
                 "wal.commit",
                 ring ? "Groups are written synced, one operation each."
                      : "Groups are written by a thread that then flushes them together.",
                 {{"mode", ring ? "ring" : "thread"},
                  {"chosen_by",
                   options.commit == CommitMode::automatic ? "what the device does" : "setting"},
                  {"groups_in_flight", fmt::format("{}", options.groups_in_flight)},
                  {"file_bytes", fmt::format("{}", wal_file_bytes(options))}});
}

}  // namespace millrace::engine
