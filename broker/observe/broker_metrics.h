// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What a sample says about the broker as a whole: requests, connections, loops, the log, memory.
#pragma once

#include "broker/base/broker_sample.h"
#include "broker/observe/metric_page.h"

namespace millrace::broker {

void add_broker_metrics(const BrokerSample& sample, MetricPage& page);
void add_request_metrics(const BrokerSample& sample, MetricPage& page);
void add_log_metrics(const BrokerSample& sample, MetricPage& page);

}  // namespace millrace::broker
