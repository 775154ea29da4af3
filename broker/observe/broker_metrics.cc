// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/observe/broker_metrics.h"

#include <map>

namespace millrace::broker {
namespace {

void add_state(const BrokerSample& sample, MetricPage& page) {
    auto series = page.gauge("millrace_node_state", "1 for the state the broker is in.");
    for (std::size_t state = 0; state < std::size(kNodeStateNames); ++state) {
        const bool is_in = state == static_cast<std::size_t>(sample.state);
        series.add({{"state", kNodeStateNames[state]}}, is_in ? 1.0 : 0.0);
    }
    page.gauge("millrace_io_engine_info", "How files are read and written.")
            .add({{"engine", sample.io}}, 1.0);
    page.gauge("millrace_start_time_seconds", "When the broker was started, in Unix time.")
            .add({}, sample.start_time);
    page.gauge("millrace_log_recovery_seconds", "What recovery took at the start.")
            .add({}, sample.recovery_seconds);
    page.gauge("millrace_shards", "Threads that own partitions.")
            .add({}, static_cast<double>(sample.shards.size()));
    page.gauge("millrace_shards_silent", "Shards whose loop did not answer this scrape in time.")
            .add({}, static_cast<double>(sample.silent.size()));
}

void add_connections(const BrokerSample& sample, MetricPage& page) {
    std::map<std::string_view, ConnectionSample> listeners;
    for (const auto& listener : sample.listeners)
        listeners[listener.listener];
    for (const auto& shard : sample.shards) {
        for (const auto& counted : shard.connections) {
            auto& sum = listeners[counted.listener];
            sum.accepted += counted.accepted;
            sum.open += counted.open;
            sum.cut_off += counted.cut_off;
        }
    }
    auto series = page.gauge("millrace_connections", "Connections that are open.");
    for (const auto& [listener, sum] : listeners)
        series.add({{"listener", listener}, {"state", "open"}}, sum.open);
    series = page.counter("millrace_connections_total",
                          "Connections accepted, turned away (no room, or no descriptor), and cut "
                          "off by the broker for what they sent or did not send in time.");
    for (const auto& [listener, sum] : listeners) {
        series.add({{"listener", listener}, {"result", "accepted"}}, sum.accepted);
        series.add({{"listener", listener}, {"result", "cut_off"}}, sum.cut_off);
    }
    for (const auto& listener : sample.listeners) {
        series.add({{"listener", listener.listener}, {"result", "turned_away"}},
                   listener.turned_away);
    }
}

void add_loops(const BrokerSample& sample, MetricPage& page) {
    auto series = page.histogram("millrace_loop_lag_seconds",
                                 "Length of the turns of a shard's loop: what becomes ready during "
                                 "one waits for its end.");
    for (const auto& shard : sample.shards)
        series.add({{"loop", std::to_string(shard.shard)}}, shard.loop.turns, 1e9);
    series = page.counter("millrace_loop_busy_seconds_total", "Time a shard's loop did not wait.");
    for (const auto& shard : sample.shards) {
        series.add({{"loop", std::to_string(shard.shard)}},
                   std::chrono::duration<double>(shard.loop.busy).count());
    }
}

void add_memory(const BrokerSample& sample, MetricPage& page) {
    auto series = page.gauge("millrace_memory_bytes", "Memory in use, by pool.");
    for (const auto& pool : sample.pools)
        series.add({{"pool", pool.pool}}, pool.used_bytes);
    series = page.gauge("millrace_memory_limit_bytes", "What a pool may use.");
    for (const auto& pool : sample.pools)
        series.add({{"pool", pool.pool}}, pool.limit_bytes);
    std::uint64_t parked = 0;
    for (const auto& shard : sample.shards)
        parked += shard.parked_bytes;
    page.gauge("millrace_appends_parked_bytes", "Bytes of appends that wait for room.")
            .add({}, parked);
}

}  // namespace

void add_broker_metrics(const BrokerSample& sample, MetricPage& page) {
    add_state(sample, page);
    add_connections(sample, page);
    add_loops(sample, page);
    add_memory(sample, page);
    const auto directory = sample.data_directory.string();
    page.gauge("millrace_disk_free_bytes", "Free space of the file system of a data directory.")
            .add({{"dir", directory}}, sample.disk_free_bytes);
    page.gauge("millrace_disk_size_bytes", "Size of the file system of a data directory.")
            .add({{"dir", directory}}, sample.disk_size_bytes);
}

}  // namespace millrace::broker
