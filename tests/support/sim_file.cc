// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/sim_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace millrace::testing {

using engine::round_down;
using engine::round_up;

namespace {

bool overlaps(const SimRange& range, std::uint64_t position, std::uint64_t length) {
    return range.position < position + length && position < range.position + range.length;
}

}  // namespace

void SimFile::write(std::uint64_t operation,
                    std::uint64_t position,
                    engine::Bytes bytes,
                    bool synced) {
    const std::uint64_t end = position + bytes.size();
    if (end > visible_.size()) note_size(operation, end);
    visible_.write(position, bytes);
    make_readable(position, bytes.size());
    if (synced && std::min(end, visible_.size()) > stable_.size()) settle_sizes();
    // Whole sectors, as the page cache or the device would write them.
    const std::uint64_t first = round_down(position, kSimSectorBytes);
    const auto data =
            std::make_shared<std::vector<std::byte>>(round_up(end, kSimSectorBytes) - first);
    visible_.read(first, *data);
    for (std::uint64_t at = 0; at < data->size(); at += kSimSectorBytes) {
        note_sector(first + at, {operation, data, at, false}, synced);
    }
}

void SimFile::note_sector(std::uint64_t position, const SectorVersion& version, bool synced) {
    const engine::Bytes sector{version.data->data() + version.data_at, kSimSectorBytes};
    if (synced) {
        sectors_.erase(position);
        std::vector<Step> step{{version.operation, false, position, &version}};
        apply(step, stable_);
    } else if (!redundant(position, sector)) {
        sectors_[position].push_back(version);
    }
}

// The sector is on stable storage as it is written now, whatever else a crash undoes.
bool SimFile::redundant(std::uint64_t position, engine::Bytes sector) const {
    if (sectors_.contains(position)) return false;
    std::uint64_t size = stable_.size();
    for (const auto& change : sizes_) {
        if (change.size < size) return false;
        size = change.size;
    }
    std::array<std::byte, kSimSectorBytes> stable{};
    stable_.read(position, stable);
    return std::memcmp(stable.data(), sector.data(), sector.size()) == 0;
}

void SimFile::resize(std::uint64_t operation, std::uint64_t size) {
    if (size == visible_.size()) return;
    note_size(operation, size);
    visible_.resize(size);
}

void SimFile::allocate(std::uint64_t operation, std::uint64_t position, std::uint64_t length) {
    visible_.allocate(position, length);
    if (position + length > visible_.size()) resize(operation, position + length);
}

void SimFile::note_size(std::uint64_t operation, std::uint64_t size) {
    sizes_.push_back({operation, size, false});
}

void SimFile::settle_sizes() {
    for (const auto& change : sizes_) {
        stable_.resize(change.size);
        for (auto& [position, versions] : sectors_) {
            if (position < change.size) continue;
            std::erase_if(versions, [&](const auto& version) {
                return version.operation < change.operation;
            });
        }
    }
    std::erase_if(sectors_, [](const auto& entry) { return entry.second.empty(); });
    sizes_.clear();
}

void SimFile::apply(std::vector<Step>& steps, SimImage& to) {
    std::ranges::stable_sort(steps, [](const Step& left, const Step& right) {
        return std::pair(left.operation, !left.is_size) <
               std::pair(right.operation, !right.is_size);
    });
    for (const auto& step : steps) {
        if (step.is_size) {
            to.resize(step.place);
        } else if (step.place < to.size()) {
            const auto length = std::min(kSimSectorBytes, to.size() - step.place);
            to.write(step.place, {step.version->data->data() + step.version->data_at, length});
        }
    }
}

void SimFile::sync(std::uint64_t before) {
    const auto covered = [before](const auto& change) {
        return change.operation < before && !change.orphaned;
    };
    std::vector<Step> steps;
    for (const auto& change : sizes_) {
        if (covered(change)) steps.push_back({change.operation, true, change.size, nullptr});
    }
    std::vector<SectorVersion> settled;  // Keeps the data until it is applied.
    settled.reserve(sectors_.size());
    for (auto& [position, versions] : sectors_) {
        const auto last = std::find_if(versions.rbegin(), versions.rend(), covered);
        if (last == versions.rend()) continue;
        settled.push_back(*last);
        steps.push_back({last->operation, false, position, &settled.back()});
        versions.erase(versions.begin(), last.base());
    }
    apply(steps, stable_);
    const auto last = std::find_if(sizes_.rbegin(), sizes_.rend(), covered);
    sizes_.erase(sizes_.begin(), last.base());
    std::erase_if(sectors_, [](const auto& entry) { return entry.second.empty(); });
}

void SimFile::fail_sync(std::uint64_t before) {
    for (auto& change : sizes_)
        change.orphaned = change.orphaned || change.operation < before;
    for (auto& [position, versions] : sectors_) {
        for (auto& version : versions)
            version.orphaned = version.orphaned || version.operation < before;
    }
}

SimFile SimFile::with_write_in_flight(std::uint64_t operation,
                                      std::uint64_t position,
                                      engine::Bytes bytes) const {
    SimFile file = *this;
    file.write(operation, position, bytes, false);
    return file;
}

SimFile SimFile::crashed(const SimCrash& crash) const {
    SimFile left;
    left.unreadable_ = unreadable_;
    std::vector<Step> steps;
    choose_sizes(crash, steps);
    choose_sectors(crash, steps, left);
    left.stable_ = stable_;
    apply(steps, left.stable_);
    left.visible_ = left.stable_;
    return left;
}

void SimFile::choose_sizes(const SimCrash& crash, std::vector<Step>& steps) const {
    for (const auto& change : sizes_) {
        if (crash.survives()) steps.push_back({change.operation, true, change.size, nullptr});
    }
}

void SimFile::choose_sectors(const SimCrash& crash, std::vector<Step>& steps, SimFile& left) const {
    std::map<std::uint64_t, bool> answers;  // By operation, for one unit of tearing.
    std::uint64_t unit = ~std::uint64_t{0};
    bool unreadable = false;
    for (const auto& [position, versions] : sectors_) {
        if (const auto at = round_down(position, crash.sector_bytes); at != unit) {
            unit = at;
            answers.clear();
            unreadable = crash.unreadable && crash.unreadable();
            if (unreadable) left.unreadable_.push_back({unit, crash.sector_bytes});
        }
        const SectorVersion* survivor = nullptr;
        for (const auto& version : versions) {
            const auto [answer, fresh] = answers.try_emplace(version.operation, false);
            if (fresh) answer->second = crash.survives();
            if (answer->second) survivor = &version;
        }
        if (survivor != nullptr) {
            steps.push_back({survivor->operation, false, position, survivor});
        }
    }
}

bool SimFile::readable(std::uint64_t position, std::uint64_t length) const {
    return std::ranges::none_of(
            unreadable_, [&](const SimRange& range) { return overlaps(range, position, length); });
}

// A write gives bad blocks new ones.
void SimFile::make_readable(std::uint64_t position, std::uint64_t length) {
    if (unreadable_.empty()) return;
    std::vector<SimRange> left;
    for (const auto& range : unreadable_) {
        if (!overlaps(range, position, length)) {
            left.push_back(range);
            continue;
        }
        if (range.position < position) {
            left.push_back({range.position, position - range.position});
        }
        const auto end = range.position + range.length;
        if (end > position + length) left.push_back({position + length, end - position - length});
    }
    unreadable_ = std::move(left);
}

}  // namespace millrace::testing
