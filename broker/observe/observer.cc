// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/observe/observer.h"

#include "broker/observe/broker_metrics.h"
#include "broker/observe/process_metrics.h"

namespace millrace::broker {
namespace {

constexpr unsigned kNotFound = 404;
constexpr unsigned kUnavailable = 503;
constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

constexpr std::string_view kIndex =
        "/metrics          series of the broker and its topics, for Prometheus\n"
        "/metrics/detail   series of every partition\n"
        "/livez            200 while every shard turns its loop\n"
        "/readyz           200 while the broker serves and its disk takes appends\n"
        "/healthz?verbose  every check, why it fails, and since when, as JSON\n";

unsigned status_of(bool good) {
    return good ? 200 : kUnavailable;
}

}  // namespace

HttpAnswer Observer::answer(const HttpRequest& request) {
    if (request.path == "/metrics") return metrics();
    if (request.path == "/metrics/detail") return partition_metrics();
    if (request.path == "/livez") return live();
    if (request.path == "/readyz") return ready();
    if (request.path == "/healthz") return health(request.verbose);
    if (request.path == "/") return {.body = std::string(kIndex)};
    return {.status = kNotFound,
            .body = "There is no such page. There are:\n" + std::string(kIndex)};
}

HttpAnswer Observer::metrics() {
    const auto began = parts_.clock.monotonic_now();
    const auto sample = parts_.source.sample(SampleDetail::topics);
    MetricPage page;
    page.gauge("millrace_build_info", "The broker's version.")
            .add({{"version", parts_.version}}, 1.0);
    add_broker_metrics(sample, page);
    add_request_metrics(sample, page);
    add_log_metrics(sample, page);
    topics_.add_topics(sample, page);
    add_process_metrics(sample.start_time, page);
    const std::chrono::duration<double> took = parts_.clock.monotonic_now() - began;
    page.gauge("millrace_scrape_duration_seconds", "What it took to gather this page.")
            .add({}, took.count());
    return {.type = kMetricsType, .body = page.text()};
}

HttpAnswer Observer::partition_metrics() {
    MetricPage page;
    TopicMetrics::add_partitions(parts_.source.sample(SampleDetail::partitions), page);
    return {.type = kMetricsType, .body = page.text()};
}

HttpAnswer Observer::live() {
    const std::vector<HealthCheck> checks{check_loops(parts_.source.sample(SampleDetail::none))};
    return {.status = status_of(all_good(checks)), .body = health_text(checks)};
}

HttpAnswer Observer::ready() {
    const auto checks =
            health_.look(parts_.source.sample(SampleDetail::none), parts_.clock.wall_now());
    return {.status = status_of(all_good(checks)), .body = health_text(checks)};
}

HttpAnswer Observer::health(bool verbose) {
    const auto checks =
            health_.look(parts_.source.sample(SampleDetail::none), parts_.clock.wall_now());
    return {.status = status_of(all_good(checks)),
            .type = "application/json",
            .body = health_json(checks, verbose)};
}

}  // namespace millrace::broker
