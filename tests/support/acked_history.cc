// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/acked_history.h"

#include "millrace/consumer.h"

#include <atomic>
#include <charconv>
#include <stdexcept>

namespace millrace::testing {

namespace {

template <class T>
T value_or_throw(Result<T> result, const char* what) {
    if (!result) throw std::runtime_error(std::string(what) + ": " + result.error().message);
    return std::move(*result);
}

void require(const Result<void>& result, const char* what) {
    if (!result) throw std::runtime_error(std::string(what) + ": " + result.error().message);
}

constexpr std::size_t kRecordsReadMax = 50'000'000;

}  // namespace

std::string AckedHistory::value_of(const Sent& sent) const {
    auto value = std::to_string(sent.partition) + " " + std::to_string(sent.counter) + " ";
    return value.append(16 + sent.counter % 500, 'x');
}

void AckedHistory::produce(const std::string& address,
                           std::uint64_t records,
                           std::chrono::milliseconds limit,
                           const std::function<void(std::uint64_t)>& on_ack) {
    auto client = value_or_throw(Client::connect({.addresses = address}), "connect");
    ProducerOptions options;
    options.delivery_timeout = limit;
    options.batch_bytes = 4096;
    options.buffer_bytes = 256U << 10;
    options.on_full = OnFull::block;
    auto producer = value_or_throw(Producer::open(client, options), "producer");
    std::atomic<bool> failed{false};
    const auto begin_acked = acked();
    promises_count_ = true;
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!failed && acked() - begin_acked < records &&
           std::chrono::steady_clock::now() < deadline) {
        const Sent sent{static_cast<std::uint32_t>(next_counter_ % partitions_), next_counter_};
        ++next_counter_;
        const auto value = value_of(sent);
        Record record;
        record.topic = topic_;
        record.value = value;
        record.partition = sent.partition;
        const auto queued = producer.send(record, [&, sent](const Result<Ack>& ack) {
            if (!ack) {
                failed = true;
                return;
            }
            std::uint64_t count = 0;
            {
                const std::lock_guard lock(mutex_);
                if (!promises_count_) return;
                acked_[sent.partition][ack->offset] = sent.counter;
                count = ++acked_count_;
            }
            if (on_ack) on_ack(count - begin_acked);
        });
        if (!queued) break;
    }
    // A broker that was killed answers nothing more: what is unacknowledged stays unknown.
    static_cast<void>(producer.close(failed ? std::chrono::milliseconds(0) : limit));
}

void AckedHistory::take_no_more_promises() {
    const std::lock_guard lock(mutex_);
    promises_count_ = false;
}

void AckedHistory::check_record(const RecordView& record,
                                std::map<std::uint32_t, std::uint64_t>& last_counter,
                                std::vector<std::string>& wrong) const {
    const auto place = topic_ + "-" + std::to_string(record.partition) + " offset " +
                       std::to_string(record.offset);
    const auto text = record.value.value_or("");
    Sent sent;
    const auto* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, sent.partition);
    const auto* second_begin = first.ptr == end ? end : first.ptr + 1;
    std::from_chars(second_begin, end, sent.counter);
    if (sent.partition != record.partition || sent.counter >= next_counter_ ||
        text != value_of(sent)) {
        wrong.push_back(place + " holds a record that was never sent");
        return;
    }
    const auto acked = acked_.find(record.partition);
    if (acked != acked_.end()) {
        const auto promised = acked->second.find(record.offset);
        if (promised != acked->second.end() && promised->second != sent.counter) {
            wrong.push_back(place + " was acknowledged with another record");
        }
    }
    auto& last = last_counter[record.partition];
    if (sent.counter + 1 <= last) {
        wrong.push_back(place + (sent.counter + 1 == last ? " repeats the record before it"
                                                          : " repeats one or is out of order"));
    }
    last = std::max(last, sent.counter + 1);
}

std::vector<std::string> AckedHistory::verify(const std::string& address) {
    auto client = value_or_throw(Client::connect({.addresses = address}), "connect");
    auto consumer = value_or_throw(Consumer::open(client), "consumer");
    require(consumer.assign_topic(topic_), "assign");
    std::vector<std::string> wrong;
    std::map<std::uint32_t, std::uint64_t> last_counter;
    std::map<std::uint32_t, std::int64_t> next_offset;
    const std::lock_guard lock(mutex_);
    const auto all_read = [&] {
        for (const auto& [partition, offsets] : acked_) {
            if (next_offset[partition] <= offsets.rbegin()->first) return false;
        }
        return true;
    };
    std::size_t read = 0;
    while (!all_read() && read < kRecordsReadMax && wrong.size() < 20) {
        auto records = consumer.poll(std::chrono::seconds(10));
        if (!records || records->empty()) {
            wrong.push_back("reading stopped: " +
                            (records ? std::string("no more records") : records.error().message));
            break;
        }
        for (const auto& record : *records) {
            auto& next = next_offset[record.partition];
            if (record.offset != next) {
                wrong.push_back(topic_ + "-" + std::to_string(record.partition) + " jumps from " +
                                std::to_string(next) + " to " + std::to_string(record.offset));
            }
            next = record.offset + 1;
            check_record(record, last_counter, wrong);
            ++read;
        }
    }
    return wrong;
}

std::uint64_t AckedHistory::acked() const {
    const std::lock_guard lock(mutex_);
    return acked_count_;
}

}  // namespace millrace::testing
