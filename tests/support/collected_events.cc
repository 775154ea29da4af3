// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/collected_events.h"

namespace millrace::testing {

void CollectedEvents::event(engine::Level /*level*/,
                            std::string_view name,
                            std::string_view message,
                            std::initializer_list<engine::EventField> fields) noexcept {
    const std::lock_guard lock(mutex_);
    text_.append(name).append(": ").append(message);
    for (const auto& field : fields)
        text_.append(" ").append(field.key) += "=" + field.value;
    text_ += "\n";
}

std::string CollectedEvents::text() const {
    const std::lock_guard lock(mutex_);
    return text_;
}

}  // namespace millrace::testing
