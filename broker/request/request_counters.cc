// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/request_counters.h"

namespace millrace::broker {

void ApiCounters::count_error(wire::ErrorCode code) noexcept {
    ++errors[static_cast<std::size_t>(&wire::row_of(code) - std::begin(wire::kErrorRows))];
}

ApiCounters& RequestCounters::of(std::uint16_t api) noexcept {
    const auto* row = find_api(api);
    if (row == nullptr) return apis_.back();
    return apis_[static_cast<std::size_t>(row - api_table().data())];
}

void RequestCounters::sample(std::vector<ApiSample>& samples) const {
    samples.clear();
    for (std::size_t index = 0; index < apis_.size(); ++index) {
        const auto& api = apis_[index];
        auto& sample = samples.emplace_back();
        sample.api = index < kApiCount ? api_table()[index].name : "unknown";
        sample.answered = api.answered;
        sample.refused = api.refused;
        sample.request_bytes = api.request_bytes;
        sample.response_bytes = api.response_bytes;
        sample.total = api.total;
        sample.log = api.log;
        for (std::size_t error = 0; error < api.errors.size(); ++error) {
            if (api.errors[error] == 0) continue;
            sample.errors.emplace_back(wire::kErrorRows[error].name, api.errors[error]);
        }
    }
}

}  // namespace millrace::broker
