// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/pace.h"

#include "tools/millrace/interrupt.h"

#include <poll.h>

namespace millrace::cli {

namespace {
constexpr auto kBacklogMax = std::chrono::milliseconds(100);
}

Pace::Pace(std::uint64_t rate, Missed missed)
        : rate_(rate), missed_(missed), began_(std::chrono::steady_clock::now()), due_(began_) {}

bool Pace::wait_for_turn() noexcept {
    if (rate_ == 0) {
        due_ = std::chrono::steady_clock::now();
        return true;
    }
    due_ = began_ + std::chrono::nanoseconds(static_cast<std::int64_t>(
                            static_cast<double>(turn_++) * 1e9 / static_cast<double>(rate_)));
    if (const auto earliest = std::chrono::steady_clock::now() - kBacklogMax;
        missed_ == Missed::dropped && due_ < earliest) {
        began_ += earliest - due_;
        due_ = earliest;
    }
    for (;;) {
        if (interrupted()) return false;
        const auto wait = due_ - std::chrono::steady_clock::now();
        if (wait <= std::chrono::nanoseconds(0)) return true;
        const auto whole = std::chrono::duration_cast<std::chrono::seconds>(wait);
        const timespec time{.tv_sec = whole.count(), .tv_nsec = (wait - whole).count()};
        ppoll(nullptr, 0, &time, nullptr);
    }
}

}  // namespace millrace::cli
