// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/observe/broker_metrics.h"

#include <map>

namespace millrace::broker {
namespace {

struct ApiTotals {
    ApiSample sums;
    std::map<std::string_view, std::uint64_t> errors;
};

// All shards list the same APIs.
std::vector<ApiTotals> totals_of(const BrokerSample& sample) {
    std::vector<ApiTotals> totals;
    for (const auto& shard : sample.shards) {
        if (totals.size() < shard.apis.size()) totals.resize(shard.apis.size());
        for (std::size_t index = 0; index < shard.apis.size(); ++index) {
            const auto& api = shard.apis[index];
            auto& [sums, errors] = totals[index];
            sums.api = api.api;
            sums.answered += api.answered;
            sums.refused += api.refused;
            sums.request_bytes += api.request_bytes;
            sums.response_bytes += api.response_bytes;
            sums.total.add(api.total);
            sums.log.add(api.log);
            for (const auto& [name, count] : api.errors)
                errors[name] += count;
        }
    }
    return totals;
}

constexpr double kNanoseconds = 1e9;

}  // namespace

void add_request_metrics(const BrokerSample& sample, MetricPage& page) {
    const auto totals = totals_of(sample);
    auto series = page.counter("millrace_requests_total",
                               "Requests answered; result error: the answer was an error as a "
                               "whole.");
    for (const auto& [sums, errors] : totals) {
        series.add({{"api", sums.api}, {"result", "ok"}}, sums.answered);
        series.add({{"api", sums.api}, {"result", "error"}}, sums.refused);
    }
    series = page.counter("millrace_request_errors_total",
                          "Errors told to clients, of a whole request or of one of its rows.");
    for (const auto& [sums, errors] : totals) {
        for (const auto& [name, count] : errors)
            series.add({{"api", sums.api}, {"error", name}}, count);
    }
    series = page.counter("millrace_request_bytes_total", "Bytes of request frames.");
    for (const auto& [sums, errors] : totals)
        series.add({{"api", sums.api}}, sums.request_bytes);
    series = page.counter("millrace_response_bytes_total",
                          "Bytes of answers, without frame headers.");
    for (const auto& [sums, errors] : totals)
        series.add({{"api", sums.api}}, sums.response_bytes);
    series = page.histogram("millrace_request_duration_seconds",
                            "Time of a request. Stage total: from the whole frame to the answer in "
                            "the send queue, with what a fetch waits for records; stage log: until "
                            "the records of a produce are as durable as asked.");
    for (const auto& [sums, errors] : totals) {
        if (sums.total.count() == 0) continue;
        series.add({{"api", sums.api}, {"stage", "total"}}, sums.total, kNanoseconds);
        if (sums.log.count() == 0) continue;
        series.add({{"api", sums.api}, {"stage", "log"}}, sums.log, kNanoseconds);
    }
}

}  // namespace millrace::broker
