// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/bench_command.h"

#include "millrace/consumer.h"
#include "tools/millrace/bench_report.h"
#include "tools/millrace/interrupt.h"
#include "tools/millrace/progress.h"

#include <chrono>

namespace millrace::cli {

namespace {

using Instant = std::chrono::steady_clock::time_point;

double seconds_since(Instant began) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

ExitCode put_figures(const Session& session, const BenchFigures& figures) {
    const auto code = put_out(session, bench_report(session, figures));
    return interrupted() ? ExitCode::interrupted : code;
}

}  // namespace

ExitCode bench_produce(const Session& session, const BenchLoadOptions& options) {
    auto client = session.connect();
    if (!client) return fail(session, client.error());
    auto admin = Admin::open(*client);
    if (!admin) return fail(session, admin.error());
    const auto durability = durability_of(*admin, options.topic, options.acks);
    if (!durability) return fail(session, durability.error(), options.topic);
    BenchLoad load;
    if (const auto opened = load.open(*client, options); !opened) {
        return fail(session, opened.error());
    }
    watch_for_interrupts();
    const auto began = std::chrono::steady_clock::now();
    const auto sent = load.send();
    const auto seconds = seconds_since(began);
    if (!sent) return fail(session, sent.error(), options.topic);
    return put_figures(session,
                       {.what = "produced",
                        .records = load.acknowledged(),
                        .bytes = load.acknowledged() * options.size,
                        .seconds = seconds,
                        .durability = *durability,
                        .latencies = &load.latencies(),
                        .latency_of = "from due to acknowledged"});
}

ExitCode bench_consume(const Session& session, const BenchConsumeOptions& options) {
    auto client = session.connect();
    if (!client) return fail(session, client.error());
    auto admin = Admin::open(*client);
    if (!admin) return fail(session, admin.error());
    const auto offsets = admin->topic_offsets(options.topic);
    if (!offsets) return fail(session, offsets.error(), options.topic);
    const auto durability = durability_of(*admin, options.topic);
    if (!durability) return fail(session, durability.error(), options.topic);
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
    BenchFigures figures{.what = "consumed", .durability = *durability, .latency_of = {}};
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
    return put_figures(session, figures);
}

}  // namespace millrace::cli
