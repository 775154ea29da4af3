// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/crash/crash_states.h"

#include <algorithm>
#include <random>

namespace millrace::testing {

namespace {

constexpr std::size_t kUnitsOfAllSubsets = 8;

}  // namespace

CrashStates::CrashStates(const CrashPoint& point, std::uint64_t seed, std::uint64_t sampled)
        : point_(point),
          seed_(seed),
          sampled_(sampled),
          small_units_(point.disk.unsynced_units(512)),
          large_units_(point.disk.unsynced_units(4096)),
          small_(states_of(small_units_)),
          // All subsets of small units hold those of large ones.
          large_(small_units_ <= kUnitsOfAllSubsets ? 0 : states_of(large_units_)) {}

std::uint64_t CrashStates::states_of(std::size_t units) const {
    return units <= kUnitsOfAllSubsets ? 1ULL << units : sampled_ + 2;
}

std::uint64_t CrashStates::count() const {
    return 1 + (large_ == 0 ? small_ : 2 * std::max(small_, large_));
}

CrashState CrashStates::state(std::uint64_t number) const {
    if (number == 0) return {point_.disk.killed(), Ending::killed};
    number -= 1;
    if (large_ == 0) return {crashed(number, small_units_, 512), Ending::power_cut};
    const auto torn = number / 2;
    if (number % 2 == 0) return {crashed(torn, small_units_, 512), Ending::power_cut};
    const auto subset = large_units_ <= kUnitsOfAllSubsets ? torn % large_ : torn;
    return {crashed(subset, large_units_, 4096), Ending::power_cut};
}

SimDisk CrashStates::crashed(std::uint64_t number,
                             std::size_t units,
                             std::uint32_t sector_bytes) const {
    if (units <= kUnitsOfAllSubsets) {
        return point_.disk.crashed(
                [subset = number]() mutable {
                    const bool survives = (subset & 1U) != 0;
                    subset >>= 1U;
                    return survives;
                },
                sector_bytes);
    }
    if (number < 2) return point_.disk.crashed([number] { return number == 1; }, sector_bytes);
    std::mt19937_64 random(seed_ ^ (point_.operation << 20U) ^ (number << 1U) ^ sector_bytes);
    // Mostly gone, half, mostly there: a lone survivor and a lone loss are the telling cases.
    constexpr std::uint64_t kChances[] = {10, 50, 90, 97};
    const auto chance = kChances[random() % 4];
    return point_.disk.crashed([&random, chance] { return random() % 100 < chance; }, sector_bytes);
}

}  // namespace millrace::testing
