// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Whether the broker lives, is ready, and why not.
//
// Thread:      one.
#pragma once

#include "broker/base/broker_sample.h"
#include "engine/types.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::broker {

struct HealthCheck {
    std::string_view name;
    bool good = true;
    std::string reason{};           // Why it is not good, or what to look at though it is.
    engine::TimestampMs since = 0;  // When it was first seen so; set by Health.
};

// Every shard turns its loop.
[[nodiscard]] HealthCheck check_loops(const BrokerSample& sample);
// Recovery is done, the listeners accept, and nobody has told the broker to stop.
[[nodiscard]] HealthCheck check_serving(const BrokerSample& sample);
// The disk takes appends. (A disk that fails ends the broker.)
[[nodiscard]] HealthCheck check_storage(const BrokerSample& sample);

// What is stored is as it was written. Damage leaves the broker ready: what is damaged is named.
[[nodiscard]] HealthCheck check_records(const BrokerSample& sample);

class Health {
public:
    // All checks, each with the moment since when it has been as it is.
    [[nodiscard]] std::vector<HealthCheck> look(const BrokerSample& sample,
                                                engine::TimestampMs now);

private:
    struct Seen {
        bool good = true;
        engine::TimestampMs since = 0;
    };

    std::map<std::string_view, Seen> seen_;
};

// `{"status":"ok","checks":[{"name","status","reason","since"}]}`, with checks when `verbose`.
[[nodiscard]] std::string health_json(const std::vector<HealthCheck>& checks, bool verbose);
[[nodiscard]] bool all_good(const std::vector<HealthCheck>& checks);
// "ok", or the reasons, one a line.
[[nodiscard]] std::string health_text(const std::vector<HealthCheck>& checks);

}  // namespace millrace::broker
