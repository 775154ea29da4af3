// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Holds work to a rate, evenly.
#pragma once

#include <chrono>
#include <cstdint>

namespace millrace::cli {

class Pace {
public:
    // What happens to turns that were missed because something else took their time.
    enum class Missed : std::uint8_t {
        made_good,  // At once, however many: an open loop, whose latencies count from due().
        dropped,    // But for those of the last tenth of a second: the rate is not exceeded.
    };

    // `rate` turns a second; 0: as fast as it goes.
    Pace(std::uint64_t rate, Missed missed);

    // Returns when the next turn is due; false when interrupted before.
    [[nodiscard]] bool wait_for_turn() noexcept;

    // When the turn that wait_for_turn() returned for was due, for open-loop latencies.
    [[nodiscard]] std::chrono::steady_clock::time_point due() const noexcept { return due_; }

private:
    std::uint64_t rate_;
    Missed missed_;
    std::uint64_t turn_ = 0;
    std::chrono::steady_clock::time_point began_;  // Of turn 0.
    std::chrono::steady_clock::time_point due_;
};

}  // namespace millrace::cli
