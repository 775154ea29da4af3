// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/topic_adoption.h"

#include <algorithm>

namespace millrace::broker {

const engine::AdoptOp* TopicAdoption::refused() const noexcept {
    const auto found =
            std::ranges::find_if(ops, [](const auto& op) { return !op.outcome.has_value(); });
    return found == ops.end() ? nullptr : &*found;
}

}  // namespace millrace::broker
