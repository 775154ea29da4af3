// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Which values of a label have a series of their own: as many as there is room for, and a value
// that has one keeps it as long as it exists, whatever comes beside it.
//
// Thread:      one.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace millrace::broker {

class LabelCap {
public:
    explicit LabelCap(std::size_t values_max) : values_max_(values_max) {}

    // Called with all values there are, each once. Returns those that have a series.
    const std::set<std::string, std::less<>>& admit(const std::vector<std::string_view>& values);

private:
    const std::size_t values_max_;
    std::set<std::string, std::less<>> admitted_;
};

}  // namespace millrace::broker
