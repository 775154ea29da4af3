// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/honest_traffic.h"

#include "millrace/consumer.h"
#include "millrace/producer.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace millrace::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{60};
constexpr std::size_t kValueBytes = 200;

Client connect(const std::string& address) {
    auto client = Client::connect({.addresses = address});
    if (!client) throw std::runtime_error(client.error().message);
    return *std::move(client);
}

// "NUMBER DUE", filled up.
std::string value_of(std::uint64_t number, Clock::time_point due) {
    auto value = std::to_string(number) + " " + std::to_string(due.time_since_epoch().count());
    value.resize(std::max(value.size() + 1, kValueBytes), ' ');
    return value;
}

struct Stamp {
    std::uint64_t number = 0;
    std::int64_t due = 0;
};

Stamp stamp_of(std::string_view value) {
    Stamp stamp;
    const auto* end = value.data() + value.size();
    const auto number = std::from_chars(value.data(), end, stamp.number);
    std::from_chars(number.ptr + 1, end, stamp.due);
    return stamp;
}

void mark(std::vector<bool>& marks, std::uint64_t number) {
    if (marks.size() <= number) marks.resize(number * 2 + 1024);
    marks[number] = true;
}

}  // namespace

HonestTraffic::HonestTraffic(const std::string& address,
                             const std::string& topic,
                             std::uint32_t partitions,
                             std::uint32_t records_per_second)
        : topic_(topic),
          partitions_(partitions),
          interval_(std::chrono::nanoseconds(std::chrono::seconds(1)) / records_per_second),
          client_(connect(address)),
          producer_([this] { produce(); }),
          consumer_([this] { consume(); }) {}

HonestTraffic::~HonestTraffic() {
    sending_ = false;
    reading_ = false;
    if (producer_.joinable()) producer_.join();
    if (consumer_.joinable()) consumer_.join();
}

void HonestTraffic::produce() {
    auto producer = Producer::open(client_).value();
    auto due = Clock::now();
    for (std::uint64_t number = 0; sending_; ++number) {
        due += interval_;
        std::this_thread::sleep_until(due);  // lint: allowed, paced by the clock
        const auto value = value_of(number, due);
        Record record;
        record.topic = topic_;
        record.value = value;
        record.partition = static_cast<std::uint32_t>(number % partitions_);
        const auto taken = producer.send(record, [this, number](const Result<Ack>& ack) {
            if (!ack) {
                ++refused_;
                return;
            }
            ++acknowledged_;
            const std::scoped_lock lock(mutex_);
            mark(acked_, number);
        });
        if (!taken) ++refused_;
    }
    static_cast<void>(producer.close(kPatience));
}

void HonestTraffic::consume() {
    auto consumer = Consumer::open(client_).value();
    consumer.assign_topic(topic_).value();
    while (reading_) {
        const auto records = consumer.poll(std::chrono::milliseconds(100));
        if (!records) continue;
        const auto now = Clock::now().time_since_epoch().count();
        const std::scoped_lock lock(mutex_);
        for (const auto& record : *records) {
            const auto stamp = stamp_of(*record.value);
            mark(read_, stamp.number);
            latencies_.emplace_back(now - stamp.due);
        }
        read_some_.notify_one();
    }
}

Latencies HonestTraffic::take_latencies() {
    std::vector<std::chrono::nanoseconds> taken;
    {
        const std::scoped_lock lock(mutex_);
        taken = std::exchange(latencies_, {});
    }
    if (taken.empty()) return {};
    std::sort(taken.begin(), taken.end());
    return {.count = taken.size(),
            .median = taken[taken.size() / 2],
            .p99 = taken[taken.size() * 99 / 100],
            .maximum = taken.back()};
}

std::uint64_t HonestTraffic::missing() const {
    std::uint64_t count = 0;
    for (std::size_t number = 0; number < acked_.size(); ++number) {
        if (acked_[number] && (number >= read_.size() || !read_[number])) ++count;
    }
    return count;
}

std::uint64_t HonestTraffic::finish() {
    sending_ = false;
    producer_.join();
    std::unique_lock lock(mutex_);
    read_some_.wait_for(lock, kPatience, [this] { return missing() == 0; });
    lock.unlock();
    reading_ = false;
    consumer_.join();
    return missing();
}

}  // namespace millrace::testing
