// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What a sample says about topics and partitions.
//
// Thread:      one.
#pragma once

#include "broker/base/broker_sample.h"
#include "broker/observe/label_cap.h"
#include "broker/observe/metric_page.h"

namespace millrace::broker {

// So many topics have series of their own; the others are counted together.
inline constexpr std::size_t kTopicLabelsMax = 2'000;
inline constexpr std::string_view kOtherTopics = "__other__";
// So many partitions are on the page of details, whole topics in order of their names.
inline constexpr std::size_t kPartitionLabelsMax = 20'000;

class TopicMetrics {
public:
    void add_topics(const BrokerSample& sample, MetricPage& page);
    static void add_partitions(const BrokerSample& sample, MetricPage& page);

private:
    LabelCap cap_{kTopicLabelsMax};
};

}  // namespace millrace::broker
