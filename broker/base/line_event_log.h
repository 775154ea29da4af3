// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Events as lines of text:
//
//   2026-11-26T00:36:25.123Z INFO storage.opened "message" key=value key="two words"
//
// Whatever a name or value holds, an event is one line: control characters and quotes are escaped.
#pragma once

#include "engine/clock.h"
#include "engine/event_log.h"

#include <atomic>
#include <string>

namespace millrace::broker {

// Thread: any. A line is written by one call, so that lines do not mix.
class LineEventLog final : public engine::EventLog {
public:
    // `descriptor` stays the caller's.
    LineEventLog(int descriptor, engine::Level least, engine::Clock& clock) noexcept;

    void event(engine::Level level,
               std::string_view name,
               std::string_view message,
               std::initializer_list<engine::EventField> fields) noexcept override;

    void set_least(engine::Level least) noexcept { least_.store(least); }

private:
    const int descriptor_;
    std::atomic<engine::Level> least_;
    engine::Clock& clock_;
};

// A field whose value is empty is left out.
[[nodiscard]] std::string format_event(engine::TimestampMs time,
                                       engine::Level level,
                                       std::string_view name,
                                       std::string_view message,
                                       std::initializer_list<engine::EventField> fields);

}  // namespace millrace::broker
