// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/bench_command.h"

#include "millrace/consumer.h"
#include "millrace/producer.h"
#include "tools/millrace/acknowledgements.h"
#include "tools/millrace/interrupt.h"
#include "tools/millrace/latency_histogram.h"
#include "tools/millrace/pace.h"
#include "tools/millrace/progress.h"
#include "tools/millrace/quantity.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <vector>

namespace millrace::cli {

namespace {

using Instant = std::chrono::steady_clock::time_point;

struct Figures {
    std::string what;
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    double seconds = 0;
};

nlohmann::ordered_json json_of(const Figures& figures) {
    return {{"what", figures.what},
            {"records", figures.records},
            {"bytes", figures.bytes},
            {"seconds", figures.seconds},
            {"records_per_second", static_cast<double>(figures.records) / figures.seconds},
            {"bytes_per_second", static_cast<double>(figures.bytes) / figures.seconds}};
}

std::string text_of(const Figures& figures) {
    return fmt::format("{}: {} records, {} in {:.2f} s: {} records/s, {:.1f} MB/s\n",
                       figures.what,
                       count_text(figures.records),
                       size_text(figures.bytes),
                       figures.seconds,
                       count_text(static_cast<std::uint64_t>(static_cast<double>(figures.records) /
                                                             figures.seconds)),
                       static_cast<double>(figures.bytes) / figures.seconds / 1e6);
}

double seconds_since(Instant began) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

// Half digits, half of one repeated letter: compresses, but not to nothing.
std::string value_of(std::uint64_t size) {
    std::string value(size, 'x');
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < value.size() / 2; ++i) {
        state = state * 1664525U + 1013904223U;
        value[i] = static_cast<char>('0' + (state >> 16U) % 10);
    }
    return value;
}

struct ProduceRun {
    LatencyHistogram latencies;
    std::atomic<std::uint64_t> acknowledged{0};
    std::atomic<bool> failed{false};
    Error error;
};

Result<void> send_all(const BenchProduceOptions& options, Producer& producer, ProduceRun& run) {
    const auto value = value_of(options.size);
    Record record;
    record.topic = options.topic;
    record.value = value;
    Progress progress("produce", options.records, "records");
    Pace pace(options.rate, Pace::Missed::made_good);
    for (std::uint64_t i = 0; i < options.records && !run.failed.load(); ++i) {
        if (interrupted() || !pace.wait_for_turn()) break;
        const auto sent = producer.send(record, [&run, due = pace.due()](const Result<Ack>& ack) {
            if (ack) {
                run.latencies.add(std::chrono::steady_clock::now() - due);
                run.acknowledged.fetch_add(1, std::memory_order_relaxed);
            } else if (!run.failed.exchange(true)) {
                run.error = ack.error();
            }
        });
        if (!sent) return sent.error();
        progress.update(run.acknowledged.load(std::memory_order_relaxed));
    }
    return await_acknowledgements(producer, std::chrono::minutes(5), [&] {
        progress.update(run.acknowledged.load(std::memory_order_relaxed));
    });
}

std::string report(const Session& session, const Figures& figures, const ProduceRun& run) {
    const std::pair<const char*, double> quantiles[] = {
            {"p50_us", run.latencies.quantile_us(0.5)},
            {"p99_us", run.latencies.quantile_us(0.99)},
            {"p999_us", run.latencies.quantile_us(0.999)}};
    if (!session.scripted()) {
        return text_of(figures) + fmt::format(
                                          "latency: p50 {:.0f} us, p99 {:.0f} us, "
                                          "p99.9 {:.0f} us\n",
                                          quantiles[0].second,
                                          quantiles[1].second,
                                          quantiles[2].second);
    }
    auto json = json_of(figures);
    for (const auto& [name, value] : quantiles)
        json[name] = value;
    return json.dump() + "\n";
}

}  // namespace

ExitCode bench_produce(const Session& session, const BenchProduceOptions& options) {
    auto client = session.connect();
    if (!client) return fail(session, client.error());
    ProducerOptions settings;
    settings.acks = options.acks;
    settings.compression = options.compression;
    settings.batch_bytes = static_cast<std::uint32_t>(options.batch_bytes);
    settings.linger = options.linger;
    ProduceRun run;  // The producer tells it to its end.
    auto producer = Producer::open(*client, settings);
    if (!producer) return fail(session, producer.error());
    watch_for_interrupts();
    const auto began = std::chrono::steady_clock::now();
    const auto sent = send_all(options, *producer, run);
    const auto seconds = seconds_since(began);
    if (run.failed.load()) return fail(session, run.error, options.topic);
    if (!sent) return fail(session, sent.error(), options.topic);
    const auto records = run.acknowledged.load();
    const Figures figures{"produced", records, records * options.size, seconds};
    const auto code = put_out(session, report(session, figures, run));
    return interrupted() ? ExitCode::interrupted : code;
}

ExitCode bench_consume(const Session& session, const BenchConsumeOptions& options) {
    auto client = session.connect();
    if (!client) return fail(session, client.error());
    auto admin = Admin::open(*client);
    if (!admin) return fail(session, admin.error());
    const auto offsets = admin->topic_offsets(options.topic);
    if (!offsets) return fail(session, offsets.error(), options.topic);
    std::uint64_t wanted = options.records;
    if (wanted == 0) {
        for (const auto& row : *offsets)
            wanted += static_cast<std::uint64_t>(row.end_offset - row.start_offset);
    }
    auto consumer = Consumer::open(*client);
    if (!consumer) return fail(session, consumer.error());
    const auto assigned = consumer->assign_topic(options.topic);
    if (!assigned) return fail(session, assigned.error(), options.topic);

    watch_for_interrupts();
    Figures figures{"consumed", 0, 0, 0};
    Progress progress("consume", wanted, "records");
    const auto began = std::chrono::steady_clock::now();
    while (figures.records < wanted && !interrupted()) {
        const auto records = consumer->poll(std::chrono::milliseconds(100));
        if (!records) return fail(session, records.error(), options.topic);
        for (const auto& record : *records)
            figures.bytes += record.value.value_or("").size();
        figures.records += records->size();
        progress.update(figures.records);
    }
    figures.seconds = seconds_since(began);
    const auto text = session.scripted() ? json_of(figures).dump() + "\n" : text_of(figures);
    const auto code = put_out(session, text);
    return interrupted() ? ExitCode::interrupted : code;
}

}  // namespace millrace::cli
