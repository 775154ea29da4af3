// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/bench/peer_job.h"

#include "millrace/consumer.h"
#include "millrace/producer.h"
#include "tests/bench/broker.h"
#include "tests/bench/raw/support.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <semaphore>

namespace millrace::bench {

namespace {

constexpr std::size_t kMessageBytes = 1024;
constexpr std::size_t kNumberBytes = 8;
constexpr std::size_t kBodies = 64;
constexpr std::ptrdiff_t kUnacknowledgedMax = 4096;
constexpr int kClockEvery = 32;
constexpr int kWarmStepsMax = 8;
constexpr double kStillGrows = 1.05;
constexpr auto kTopic = "job";

std::string body_of(std::uint64_t index) {
    std::string body(kMessageBytes, '\0');
    auto state = index + 1;
    for (std::size_t i = kNumberBytes; i < kMessageBytes / 2; ++i) {
        state ^= state << 13U;
        state ^= state >> 7U;
        state ^= state << 17U;
        body[i] = static_cast<char>(state >> 32U);
    }
    const std::string text = "a message that says little ";
    for (std::size_t i = kMessageBytes / 2; i < kMessageBytes; ++i)
        body[i] = text[i % text.size()];
    return body;
}

// The number, noise up to the half, and a text that compresses well.
class Messages {
public:
    Messages() {
        for (std::size_t i = 0; i < kBodies; ++i)
            bodies_[i] = body_of(i);
    }

    // Valid until the next call.
    std::string_view operator[](std::uint64_t number) {
        auto& body = bodies_[number % kBodies];
        for (std::size_t i = 0; i < kNumberBytes; ++i)
            body[i] = static_cast<char>(number >> (8 * (kNumberBytes - 1 - i)));
        return body;
    }

private:
    std::array<std::string, kBodies> bodies_;
};

struct Sending {
    Messages messages;
    std::uint64_t sent = 0;
    std::atomic<std::uint64_t> acknowledged{0};
    std::counting_semaphore<kUnacknowledgedMax> room{kUnacknowledgedMax};
    std::string error;  // Of the last message that failed; of the I/O thread until it has closed.

    void done(const Result<Ack>& ack) {
        if (ack) {
            acknowledged.fetch_add(1);
        } else {
            error = ack.error().message;
        }
        room.release();
    }
};

// Acknowledgements a second.
double send_for(Producer& producer, Sending& sending, double seconds) {
    Record record;
    record.topic = kTopic;
    record.partition = 0;
    const auto before = sending.acknowledged.load();
    const auto start = now();
    do {
        for (int i = 0; i < kClockEvery; ++i) {
            sending.room.acquire();
            record.value = sending.messages[sending.sent++];
            require(producer.send(record,
                                  [&sending](const Result<Ack>& ack) { sending.done(ack); }),
                    "send");
        }
    } while (seconds_since(start) < seconds);
    return static_cast<double>(sending.acknowledged.load() - before) / seconds_since(start);
}

// Until the rate no longer grows: the peers' virtual machines compile what runs often.
void warm_up(Producer& producer, Sending& sending, double step_seconds) {
    double best = 0;
    for (int step = 0; step < kWarmStepsMax; ++step) {
        const auto rate = send_for(producer, sending, step_seconds);
        if (rate < best * kStillGrows) return;
        best = rate;
    }
}

// Checks all; returns the messages a second of those after the first `warm`.
double read_all(BenchBroker& broker, std::uint64_t warm, std::uint64_t count) {
    const auto client = broker.client();
    auto consumer = require(Consumer::open(client), "consumer");
    require(consumer.assign_topic(kTopic), "assign");
    Messages messages;
    auto start = now();
    for (std::uint64_t seen = 0; seen < count;) {
        const auto records = require(consumer.poll(std::chrono::seconds(10)), "poll");
        if (records.empty()) bench_failed("messages are missing");
        for (const auto& record : records) {
            if (record.offset != static_cast<std::int64_t>(seen) || record.value != messages[seen])
                bench_failed("a message came back changed or at another offset");
            if (++seen == warm) start = now();
        }
    }
    return static_cast<double>(count - warm) / seconds_since(start);
}

cpu_set_t only(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    return set;
}

std::string list_of(const cpu_set_t& set) {
    std::string list;
    for (int core = 0; core < CPU_SETSIZE; ++core) {
        if (CPU_ISSET(core, &set)) list += fmt::format("{}{}", list.empty() ? "" : ",", core);
    }
    return list;
}

void enter(const cpu_set_t& set) {
    checked(sched_setaffinity(0, sizeof set, &set), "sched_setaffinity");
}

const char* class_of(Durability durability) {
    return durability == Durability::synced ? "synced" : "written";
}

}  // namespace

Cores::Cores(bool pinned) {
    CPU_ZERO(&all_);
    checked(sched_getaffinity(0, sizeof all_, &all_), "sched_getaffinity");
    broker_ = all_;
    client_ = all_;
    std::vector<int> cores;
    for (int core = 0; core < CPU_SETSIZE; ++core) {
        if (CPU_ISSET(core, &all_)) cores.push_back(core);
    }
    if (!pinned || cores.size() < 2) return;
    broker_ = only(cores[0]);
    client_ = only(cores[1]);
}

Cores::~Cores() {
    sched_setaffinity(0, sizeof all_, &all_);
}

std::string Cores::broker() const {
    return list_of(broker_);
}

std::string Cores::client() const {
    return list_of(client_);
}

void Cores::enter_broker() const {
    enter(broker_);
}

void Cores::enter_client() const {
    enter(client_);
}

JobFigures job_on_millrace(const BenchOptions& options,
                           const PeerTimes& times,
                           Durability durability,
                           const Cores& cores) {
    cores.enter_broker();
    BenchBroker broker(options);
    broker.create(kTopic, 1, {{"durability", class_of(durability)}});
    JobFigures figures;
    Sending sending;
    std::uint64_t warm = 0;
    cores.enter_client();
    {
        const auto client = broker.client();
        auto producer = require(Producer::open(client), "producer");
        warm_up(producer, sending, times.warm_step);
        warm = sending.sent;
        figures.produced = send_for(producer, sending, times.seconds);
        require(producer.close(), "close");
        if (sending.acknowledged != sending.sent) bench_failed("produce: " + sending.error);
    }
    if (durability == Durability::synced) {
        cores.enter_broker();
        broker.kill_and_start();
        cores.enter_client();
    }
    figures.read = read_all(broker, warm, sending.sent);
    return figures;
}

}  // namespace millrace::bench
