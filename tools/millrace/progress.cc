// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/progress.h"

#include "tools/millrace/quantity.h"
#include "tools/millrace/standard_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <unistd.h>

namespace millrace::cli {

namespace {
constexpr std::size_t kBarColumns = 26;
constexpr auto kInterval = std::chrono::milliseconds(100);
constexpr auto kPatience = std::chrono::milliseconds(500);  // Short work shows no bar.
}  // namespace

Progress::Progress(std::string_view what, std::uint64_t total, std::string_view unit)
        : what_(what),
          total_(total),
          unit_(unit),
          shown_(isatty(STDERR_FILENO) != 0),
          began_(std::chrono::steady_clock::now()),
          next_(began_ + kPatience) {}

Progress::~Progress() {
    if (drawn_) say("\r\x1b[K");
}

void Progress::update(std::uint64_t done) {
    if (!shown_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + kInterval;
    drawn_ = true;
    draw(done, std::chrono::duration<double>(now - began_).count());
}

void Progress::draw(std::uint64_t done, double seconds) const {
    const auto rate = static_cast<double>(done) / seconds;
    const auto rate_text = count_text(static_cast<std::uint64_t>(rate));
    if (total_ == 0) {
        say(fmt::format("\r\x1b[K{}  {} {}  {}/s", what_, count_text(done), unit_, rate_text));
        return;
    }
    const auto share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
    const auto filled = static_cast<std::size_t>(share * kBarColumns);
    const auto left = rate > 0 ? static_cast<double>(total_ - std::min(done, total_)) / rate : 0.0;
    say(fmt::format("\r\x1b[K{}  [{:#<{}}{:-<{}}] {:3.0f}%  {}/{} {}  {}/s  {:.0f} s left",
                    what_,
                    "",
                    filled,
                    "",
                    kBarColumns - filled,
                    share * 100,
                    count_text(done),
                    count_text(total_),
                    unit_,
                    rate_text,
                    left));
}

}  // namespace millrace::cli
