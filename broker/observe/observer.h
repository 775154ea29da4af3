// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The pages for whoever watches the broker: /metrics, /metrics/detail, /livez, /readyz, /healthz.
//
// Thread:      the HTTP server's.
#pragma once

#include "broker/base/broker_sample.h"
#include "broker/observe/health.h"
#include "broker/observe/http_server.h"
#include "broker/observe/topic_metrics.h"

#include <string>
#include <string_view>

namespace millrace::broker {

struct ObserverParts {
    SampleSource& source;
    engine::Clock& clock;
    std::string_view version;
};

class Observer final : public HttpPages {
public:
    explicit Observer(const ObserverParts& parts) : parts_(parts) {}

    [[nodiscard]] HttpAnswer answer(const HttpRequest& request) override;

private:
    [[nodiscard]] HttpAnswer metrics();
    [[nodiscard]] HttpAnswer partition_metrics();
    [[nodiscard]] HttpAnswer live();
    [[nodiscard]] HttpAnswer ready();
    [[nodiscard]] HttpAnswer health(bool verbose);

    ObserverParts parts_;
    TopicMetrics topics_;
    Health health_;
};

}  // namespace millrace::broker
