// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A disk with a volatile write cache, kept in a sparse file: every write since the last flush is
// set aside, version by version, so that a power cut can keep any of them.
//
// Thread:      one.
// Errors:      std::system_error of the file.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <unordered_map>
#include <vector>

namespace millrace::testing {

// What a disk writes as a whole or not at all.
inline constexpr std::size_t kSectorBytes = 512;

struct CachedDiskCounts {
    std::uint64_t writes = 0;
    std::uint64_t flushes = 0;
    std::uint64_t unflushed = 0;  // Sectors that a cut would decide about now.
    std::uint64_t lost = 0;       // Sectors that the last cut has set back.
};

class CachedDisk {
public:
    // The file is made; its size is the disk's.
    CachedDisk(const std::filesystem::path& file, std::uint64_t bytes);
    ~CachedDisk();
    CachedDisk(const CachedDisk&) = delete;
    CachedDisk& operator=(const CachedDisk&) = delete;

    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

    // Requires of all three: whole sectors inside the disk.
    void write(std::uint64_t position, std::span<const std::byte> from);
    void read(std::uint64_t position, std::span<std::byte> to) const;
    [[nodiscard]] bool holds(std::uint64_t position, std::uint64_t bytes) const noexcept;

    void flush();

    // The power goes. Each sector that was written since the last flush becomes what it was then,
    // or any of what was written since, as the seed has it. Until power_on() what is written and
    // flushed goes nowhere.
    void cut_power(std::uint64_t seed);

    void power_on() noexcept { powered_ = true; }

    [[nodiscard]] const CachedDiskCounts& counts() const noexcept { return counts_; }

private:
    using Sector = std::array<std::byte, kSectorBytes>;

    void store(std::uint64_t sector, const Sector& content) const;

    int file_;
    std::uint64_t bytes_;
    std::unordered_map<std::uint64_t, std::vector<Sector>> cache_;  // Never without a version.
    CachedDiskCounts counts_;
    bool powered_ = true;
};

}  // namespace millrace::testing
