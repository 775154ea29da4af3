// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/bench/bench.h"
#include "tests/bench/commit_load.h"
#include "tests/bench/raw/support.h"
#include "tests/support/http_get.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace millrace::bench {

namespace {

constexpr std::uint32_t kPartitions = 6'667;  // Three series each on the page of details.
constexpr double kRate = 20'000;
constexpr std::chrono::milliseconds kInterval{250};

// Reads the page again and again until it is destroyed.
class Scraper {
public:
    explicit Scraper(std::string address)
            : address_(std::move(address)), thread_([this] { scrape(); }) {}

    ~Scraper() { stop(); }

    Scraper(const Scraper&) = delete;
    Scraper& operator=(const Scraper&) = delete;

    // Milliseconds each.
    std::vector<double> stop() {
        {
            const std::scoped_lock lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_one();
        if (thread_.joinable()) thread_.join();
        return took_;
    }

private:
    void scrape() {
        std::unique_lock lock(mutex_);
        while (!wake_.wait_for(lock, kInterval, [this] { return stopping_; })) {
            const auto start = now();
            const auto page = testing::http_get(address_, "/metrics/detail");
            took_.push_back(seconds_since(start) * 1e3);
            const auto series = std::ranges::count(page.body, '\n');
            if (page.status != 200 || series < 3 * static_cast<long>(kPartitions)) {
                bench_failed("the page is not whole");
            }
        }
    }

    std::string address_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::vector<double> took_;
    std::thread thread_;
};

}  // namespace

std::vector<Row> measure_metrics(const BenchOptions& options) {
    BenchBroker broker(options, {"node.shards=1", "wal.bytes=\"256MiB\""});
    broker.create("commit", kCommitPartitions);
    broker.create("many", kPartitions - kCommitPartitions);
    std::vector<double> took;
    std::vector<double> ratios;
    const auto seconds = std::min(options.seconds, 10.0);
    static_cast<void>(run_open_loop(broker, seconds, kRate));
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
        const auto alone = run_open_loop(broker, seconds, kRate).latency.p99_us;
        Scraper scraper(broker.process().ready().http);
        const auto scraped = run_open_loop(broker, seconds, kRate).latency.p99_us;
        for (const auto each : scraper.stop())
            took.push_back(each);
        ratios.push_back(scraped / alone);
    }
    const auto note = fmt::format(
            "20,000 series, every {} ms, while {:.0f} durable batches a "
            "second are produced",
            kInterval.count(),
            kRate);
    return {{.id = "metrics",
             .value = median(took),
             .unit = "ms a page",
             .at_most = true,
             .bound_text = "50",
             .limit = [](const Probes&) { return 50.0; },
             .note = note},
            {.id = "metrics-p99",
             .value = median(ratios),
             .unit = "x p99 of produce without scrapes",
             .at_most = true,
             .bound_text = "1.25, what two runs without scrapes differ by",
             .limit = [](const Probes&) { return 1.25; },
             .note = note + "; interleaved"}};
}

}  // namespace millrace::bench
