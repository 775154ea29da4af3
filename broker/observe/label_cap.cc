// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/observe/label_cap.h"

namespace millrace::broker {

const std::set<std::string, std::less<>>& LabelCap::admit(
        const std::vector<std::string_view>& values) {
    std::set<std::string, std::less<>> kept;
    for (const auto value : values) {
        const auto found = admitted_.find(value);
        if (found != admitted_.end()) kept.insert(admitted_.extract(found));
    }
    admitted_ = std::move(kept);
    for (const auto value : values) {
        if (admitted_.size() >= values_max_) break;
        admitted_.emplace(value);
    }
    return admitted_;
}

}  // namespace millrace::broker
