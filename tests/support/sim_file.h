// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One file of the simulated disk: what a running process sees of it, what is on stable storage,
// and the journal of changes between the two, from which a crash takes any subset.
#pragma once

#include "tests/support/sim_image.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace millrace::testing {

// How a crash treats what is not synced.
struct SimCrash {
    // Asked for each unsynced unit; true: it survives.
    std::function<bool()> survives;
    // Asked for each unsynced unit of file contents; true: nobody can read it. Null: never.
    std::function<bool()> unreadable;
    std::uint32_t sector_bytes = 512;  // 512 or 4,096: the unit of tearing.
};

struct SimRange {
    std::uint64_t position = 0;
    std::uint64_t length = 0;
};

class SimFile {
public:
    [[nodiscard]] const SimImage& visible() const { return visible_; }

    // `operation` orders changes; it ascends.
    void write(std::uint64_t operation, std::uint64_t position, engine::Bytes bytes, bool synced);
    void resize(std::uint64_t operation, std::uint64_t size);
    void allocate(std::uint64_t operation, std::uint64_t position, std::uint64_t length);

    // Makes stable every change of an operation below `before`.
    void sync(std::uint64_t before);
    // A sync that failed: those changes may survive a crash, but no later sync covers them.
    void fail_sync(std::uint64_t before);

    // A write that had been submitted and not completed when the power went.
    [[nodiscard]] SimFile with_write_in_flight(std::uint64_t operation,
                                               std::uint64_t position,
                                               engine::Bytes bytes) const;

    // What is left of it. Nothing of the result is unsynced.
    [[nodiscard]] SimFile crashed(const SimCrash& crash) const;

    void make_unreadable(SimRange range) { unreadable_.push_back(range); }

    [[nodiscard]] bool readable(std::uint64_t position, std::uint64_t length) const;

    // Of what survives for certain.
    [[nodiscard]] std::uint64_t digest() const { return stable_.digest(); }

private:
    struct SizeChange {
        std::uint64_t operation = 0;
        std::uint64_t size = 0;
        bool orphaned = false;  // A failed sync has passed it.
    };

    struct SectorVersion {
        std::uint64_t operation = 0;
        std::shared_ptr<const std::vector<std::byte>> data;
        std::uint64_t data_at = 0;
        bool orphaned = false;
    };

    // One change on its way to an image.
    struct Step {
        std::uint64_t operation = 0;
        bool is_size = false;
        std::uint64_t place = 0;  // The size, or the sector's position.
        const SectorVersion* version = nullptr;
    };

    void note_size(std::uint64_t operation, std::uint64_t size);
    void note_sector(std::uint64_t position, const SectorVersion& version, bool synced);
    [[nodiscard]] bool redundant(std::uint64_t position, engine::Bytes sector) const;
    void settle_sizes();
    static void apply(std::vector<Step>& steps, SimImage& to);
    void choose_sizes(const SimCrash& crash, std::vector<Step>& steps) const;
    void choose_sectors(const SimCrash& crash, std::vector<Step>& steps, SimFile& left) const;
    void make_readable(std::uint64_t position, std::uint64_t length);

    SimImage visible_;
    SimImage stable_;
    std::vector<SizeChange> sizes_;                                // Ascending by operation.
    std::map<std::uint64_t, std::vector<SectorVersion>> sectors_;  // By position; versions ascend.
    std::vector<SimRange> unreadable_;
};

}  // namespace millrace::testing
