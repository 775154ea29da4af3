// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/observe/metric_page.h"

#include <prometheus/text_serializer.h>

namespace millrace::broker {

prometheus::ClientMetric& MetricSeries::add_metric(const MetricLabels& labels) {
    auto& metric = family_->metric.emplace_back();
    metric.label.reserve(labels.size());
    for (const auto& [name, value] : labels)
        metric.label.push_back({std::string(name), std::string(value)});
    return metric;
}

void MetricSeries::add(const MetricLabels& labels, double value) {
    auto& metric = add_metric(labels);
    (family_->type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) =
            value;
}

MetricSeries MetricPage::counter(std::string_view name, std::string_view help) {
    return begin(name, help, prometheus::MetricType::Counter);
}

MetricSeries MetricPage::gauge(std::string_view name, std::string_view help) {
    return begin(name, help, prometheus::MetricType::Gauge);
}

MetricSeries MetricPage::histogram(std::string_view name, std::string_view help) {
    return begin(name, help, prometheus::MetricType::Histogram);
}

MetricSeries MetricPage::begin(std::string_view name,
                               std::string_view help,
                               prometheus::MetricType type) {
    auto& family = families_.emplace_back();
    family.name = name;
    family.help = help;
    family.type = type;
    return MetricSeries(family);
}

std::string MetricPage::text() const {
    return prometheus::TextSerializer().Serialize(families_);
}

}  // namespace millrace::broker
