// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A bar on standard error while long work goes on at a terminal; elsewhere nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::cli {

class Progress {
public:
    // `total` 0: unknown, counts only. `unit` stands behind the rate ("records").
    Progress(std::string_view what, std::uint64_t total, std::string_view unit);
    ~Progress();  // Wipes the bar.
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // Draws at most ten times a second.
    void update(std::uint64_t done);

private:
    void draw(std::uint64_t done, double seconds) const;

    std::string what_;
    std::uint64_t total_;
    std::string unit_;
    bool shown_;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point began_;
    std::chrono::steady_clock::time_point next_;
};

}  // namespace millrace::cli
