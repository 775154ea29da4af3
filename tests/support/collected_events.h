// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/event_log.h"

#include <mutex>
#include <string>

namespace millrace::testing {

// Events go to a string, for the message of a failing test.
class CollectedEvents : public engine::EventLog {
public:
    void event(engine::Level level,
               std::string_view name,
               std::string_view message,
               std::initializer_list<engine::EventField> fields) noexcept override;

    [[nodiscard]] std::string text() const;

private:
    mutable std::mutex mutex_;
    std::string text_;
};

}  // namespace millrace::testing
