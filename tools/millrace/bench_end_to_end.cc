// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "millrace/consumer.h"
#include "tools/millrace/bench_command.h"
#include "tools/millrace/bench_report.h"
#include "tools/millrace/interrupt.h"

#include <fmt/format.h>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>

namespace millrace::cli {

namespace {

using Instant = BenchLoad::Instant;

// How long records may be missing once the last one was acknowledged.
constexpr std::chrono::seconds kMissingMax{10};

// At the front of a value: whose it is, and when it was due.
struct Mark {
    std::uint64_t run = 0;
    std::int64_t due = 0;  // Of the steady clock, which both sides share.
};

// Waits for the records of one run.
class Receiver {
public:
    explicit Receiver(std::uint64_t run) : run_(run) {}

    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

    ~Receiver() { stop(); }

    // From the present ends, so that nothing sent from now on is missed.
    [[nodiscard]] Result<void> start(const Client& client,
                                     const std::string& topic,
                                     const std::vector<PartitionOffsets>& offsets) {
        auto consumer = Consumer::open(client);
        if (!consumer) return consumer.error();
        std::vector<Assignment> assignments;
        for (const auto& row : offsets) {
            assignments.push_back(
                    {.partition = {topic, row.partition}, .from = Position::at(row.end_offset)});
        }
        if (const auto assigned = consumer->assign(assignments); !assigned) {
            return assigned.error();
        }
        consumer_.emplace(*std::move(consumer));
        thread_ = std::thread([this] { receive(); });
        return {};
    }

    // Errors: timed_out when some do not come, the consumer's.
    [[nodiscard]] Result<void> await(std::uint64_t records) {
        const auto until = std::chrono::steady_clock::now() + kMissingMax;
        while (received() < records && !failed_.load() && !interrupted()) {
            if (std::chrono::steady_clock::now() >= until) {
                return Error{ErrorCode::timed_out,
                             "Records were acknowledged, and did not come back within 10 s."};
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        stop();
        if (failed_.load()) return error_;
        return {};
    }

    [[nodiscard]] std::uint64_t received() const { return received_.load(); }

    [[nodiscard]] const LatencyHistogram& latencies() const { return latencies_; }

private:
    void receive() {
        while (!stopping_.load()) {
            const auto records = consumer_->poll(std::chrono::milliseconds(100));
            const auto now = std::chrono::steady_clock::now();
            if (!records) {
                error_ = records.error();
                failed_.store(true);
                return;
            }
            for (const auto& record : *records)
                take(record.value.value_or(""), now);
        }
    }

    void take(std::string_view value, Instant now) {
        Mark mark;
        if (value.size() < sizeof mark) return;
        std::memcpy(&mark, value.data(), sizeof mark);
        if (mark.run != run_) return;  // Somebody else's.
        latencies_.add(now.time_since_epoch() - std::chrono::nanoseconds(mark.due));
        received_.fetch_add(1);
    }

    void stop() {
        stopping_.store(true);
        if (thread_.joinable()) thread_.join();
    }

    const std::uint64_t run_;
    LatencyHistogram latencies_;
    std::atomic<std::uint64_t> received_{0};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> failed_{false};
    Error error_;  // When failed_.
    std::optional<Consumer> consumer_;
    std::thread thread_;
};

}  // namespace

ExitCode bench_end_to_end(const Session& session, const BenchLoadOptions& options) {
    if (options.size < sizeof(Mark)) {
        return fail_usage(session, fmt::format("--size must be at least {}", sizeof(Mark)));
    }
    auto producing = session.connect();
    if (!producing) return fail(session, producing.error());
    auto consuming = session.connect();
    if (!consuming) return fail(session, consuming.error());
    auto admin = Admin::open(*producing);
    if (!admin) return fail(session, admin.error());
    const auto offsets = admin->topic_offsets(options.topic);
    if (!offsets) return fail(session, offsets.error(), options.topic);
    const auto durability = durability_of(*admin, options.topic);
    if (!durability) return fail(session, durability.error(), options.topic);
    const auto run = std::uint64_t{std::random_device()()} << 32U | std::random_device()();
    Receiver receiver(run);
    if (const auto started = receiver.start(*consuming, options.topic, *offsets); !started) {
        return fail(session, started.error(), options.topic);
    }
    BenchLoad load;
    if (const auto opened = load.open(*producing, options); !opened) {
        return fail(session, opened.error());
    }
    watch_for_interrupts();
    const auto began = std::chrono::steady_clock::now();
    const auto sent = load.send([run](std::string& value, Instant due) {
        const Mark mark{.run = run, .due = due.time_since_epoch().count()};
        std::memcpy(value.data(), &mark, sizeof mark);
    });
    if (!sent) return fail(session, sent.error(), options.topic);
    const auto awaited = receiver.await(load.acknowledged());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    if (!awaited) return fail(session, awaited.error(), options.topic);
    const auto text = bench_report(session,
                                   {.what = "end to end",
                                    .records = receiver.received(),
                                    .bytes = receiver.received() * options.size,
                                    .seconds = took.count(),
                                    .durability = *durability,
                                    .latencies = &receiver.latencies(),
                                    .latency_of = "from due to received"});
    const auto code = put_out(session, text);
    return interrupted() ? ExitCode::interrupted : code;
}

}  // namespace millrace::cli
