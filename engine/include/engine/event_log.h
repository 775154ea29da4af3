// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Where the engine says what happened: one event, one line. The broker prints them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace millrace::engine {

enum class Level : std::uint8_t { debug, info, warning, error };

struct EventField {
    std::string_view key;
    std::string value;
};

// Thread: any.
class EventLog {
public:
    virtual ~EventLog() = default;

    // `name` is stable and dotted ("wal.recovered"); `message` is a sentence for a person.
    virtual void event(Level level,
                       std::string_view name,
                       std::string_view message,
                       std::initializer_list<EventField> fields) noexcept = 0;

protected:
    EventLog() = default;
    EventLog(const EventLog&) = default;
    EventLog& operator=(const EventLog&) = default;
};

}  // namespace millrace::engine
