// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A page of metrics in the making, in Prometheus' text format, version 0.0.4.
//
// Thread:      one.
#pragma once

#include "engine/histogram.h"

#include <cstdint>
#include <prometheus/metric_family.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::broker {

using MetricLabels = std::vector<std::pair<std::string_view, std::string_view>>;

// Series of one name that differ in their labels.
class MetricSeries {
public:
    explicit MetricSeries(prometheus::MetricFamily& family) noexcept : family_(&family) {}

    void add(const MetricLabels& labels, double value);

    void add(const MetricLabels& labels, std::uint64_t value) {
        add(labels, static_cast<double>(value));
    }

    // `per_unit`: how many of the histogram's values are one of the series'; 1e9 for nanoseconds.
    template <std::uint64_t kUnit, std::size_t kBounds>
    void add(const MetricLabels& labels,
             const engine::Histogram<kUnit, kBounds>& histogram,
             double per_unit) {
        auto& metric = add_metric(labels).histogram;
        std::uint64_t below = 0;
        for (std::size_t index = 0; index < kBounds; ++index) {
            below += histogram.count_in(index);
            metric.bucket.push_back(
                    {below, static_cast<double>(histogram.bound(index)) / per_unit});
        }
        metric.sample_count = below + histogram.count_in(kBounds);
        metric.bucket.push_back({metric.sample_count, std::numeric_limits<double>::infinity()});
        metric.sample_sum = static_cast<double>(histogram.sum()) / per_unit;
    }

private:
    prometheus::ClientMetric& add_metric(const MetricLabels& labels);

    prometheus::MetricFamily* family_;
};

class MetricPage {
public:
    // A name comes once on a page. The series are valid until the next one is begun.
    MetricSeries counter(std::string_view name, std::string_view help);
    MetricSeries gauge(std::string_view name, std::string_view help);
    MetricSeries histogram(std::string_view name, std::string_view help);

    [[nodiscard]] std::string text() const;

private:
    MetricSeries begin(std::string_view name, std::string_view help, prometheus::MetricType type);

    std::vector<prometheus::MetricFamily> families_;
};

}  // namespace millrace::broker
