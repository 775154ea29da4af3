// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/observe/metric_page.h"

namespace millrace::broker {

// The standard series of a process (https://prometheus.io/docs/instrumenting/writing_clientlibs,
// "Process metrics"). What the system does not tell is left out.
void add_process_metrics(double start_time, MetricPage& page);

}  // namespace millrace::broker
