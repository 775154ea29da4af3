// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/bench_load.h"

#include "tools/millrace/acknowledgements.h"
#include "tools/millrace/interrupt.h"
#include "tools/millrace/pace.h"
#include "tools/millrace/progress.h"

namespace millrace::cli {

namespace {

constexpr std::chrono::minutes kAwaitedMax{5};

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

}  // namespace

Result<void> BenchLoad::open(const Client& client, const BenchLoadOptions& options) {
    options_ = options;
    ProducerOptions settings;
    settings.acks = options.acks;
    settings.compression = options.compression;
    settings.batch_bytes = static_cast<std::uint32_t>(options.batch_bytes);
    settings.linger = options.linger;
    auto producer = Producer::open(client, settings);
    if (!producer) return producer.error();
    producer_.emplace(*std::move(producer));
    return {};
}

Result<void> BenchLoad::send(const Stamp& stamp) {
    auto value = value_of(options_.size);
    Record record;
    record.topic = options_.topic;
    Progress progress("produce", options_.records, "records");
    Pace pace(options_.rate, Pace::Missed::made_good);
    for (std::uint64_t i = 0; i < options_.records && !failed_.load(); ++i) {
        if (interrupted() || !pace.wait_for_turn()) break;
        if (stamp) stamp(value, pace.due());
        record.value = value;
        if (const auto sent = send_one(record, pace.due()); !sent) return sent.error();
        progress.update(acknowledged());
    }
    const auto awaited = await_acknowledgements(
            *producer_, kAwaitedMax, [&] { progress.update(acknowledged()); });
    if (failed_.load()) return error_;
    return awaited;
}

Result<void> BenchLoad::send_one(Record& record, Instant due) {
    return producer_->send(record, [this, due](const Result<Ack>& ack) {
        if (ack) {
            latencies_.add(std::chrono::steady_clock::now() - due);
            acknowledged_.fetch_add(1, std::memory_order_relaxed);
        } else if (!failed_.exchange(true)) {
            error_ = ack.error();
        }
    });
}

}  // namespace millrace::cli
