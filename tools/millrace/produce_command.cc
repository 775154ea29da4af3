// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/produce_command.h"

#include "tools/millrace/ack_writer.h"
#include "tools/millrace/interrupt.h"
#include "tools/millrace/line_reader.h"
#include "tools/millrace/pace.h"
#include "tools/millrace/progress.h"
#include "tools/millrace/quantity.h"

#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <system_error>

namespace millrace::cli {

namespace {

// What the acknowledgements have said so far. Thread: any.
class Outcome {
public:
    void acknowledged() { acknowledged_.fetch_add(1, std::memory_order_relaxed); }

    void failed(const Error& error) {
        const std::lock_guard lock(mutex_);
        if (failed_.fetch_add(1) == 0) first_error_ = error;
    }

    [[nodiscard]] bool any_failed() const { return failed_.load() != 0; }

    [[nodiscard]] std::uint64_t acknowledged_count() const { return acknowledged_.load(); }

    [[nodiscard]] std::uint64_t failed_count() const { return failed_.load(); }

    [[nodiscard]] Error first_error() const {
        const std::lock_guard lock(mutex_);
        return first_error_;
    }

private:
    std::atomic<std::uint64_t> acknowledged_{0};
    std::atomic<std::uint64_t> failed_{0};
    mutable std::mutex mutex_;
    Error first_error_;
};

// Sends every line of the input as a record.
class LineProducer {
public:
    LineProducer(const ProduceOptions& options,
                 const std::vector<KeyValue>& headers,
                 Producer& producer,
                 AckWriter* acks,
                 Outcome& outcome)
            : options_(options), producer_(producer), acks_(acks), outcome_(outcome) {
        record_.topic = options.topic;
        record_.partition = options.partition;
        if (options.key) record_.key = *options.key;
        for (const auto& header : headers)
            record_.headers.push_back({header.key, header.value});
    }

    [[nodiscard]] Result<void> send(std::string_view line, std::uint64_t number) {
        record_.value = line;
        if (options_.key_separator) {
            const auto at = line.find(*options_.key_separator);
            if (at == std::string_view::npos) {
                return Error{ErrorCode::invalid_argument,
                             fmt::format("Line {} has no '{}' between key and value.",
                                         number,
                                         *options_.key_separator)};
            }
            record_.key = line.substr(0, at);
            record_.value = line.substr(at + options_.key_separator->size());
        }
        if (acks_ != nullptr) acks_->wait_for_room();
        return producer_.send(record_,
                              [acks = acks_, &outcome = outcome_, number](const Result<Ack>& ack) {
                                  if (!ack) {
                                      outcome.failed(ack.error());
                                      return;
                                  }
                                  outcome.acknowledged();
                                  if (acks != nullptr) acks->add(number, *ack);
                              });
    }

private:
    const ProduceOptions& options_;
    Producer& producer_;
    AckWriter* acks_;
    Outcome& outcome_;
    Record record_;
};

ProducerOptions producer_options(const ProduceOptions& options) {
    ProducerOptions result;
    result.acks = options.acks;
    result.compression = options.compression;
    if (options.delivery_timeout) result.delivery_timeout = *options.delivery_timeout;
    return result;
}

Result<void> send_lines(const ProduceOptions& options,
                        LineReader& reader,
                        LineProducer& lines,
                        const Outcome& outcome) {
    Progress progress("produce " + options.topic, reader.size(), "bytes");
    Pace pace(options.rate);
    std::uint64_t number = 0;
    while (!interrupted() && !outcome.any_failed()) {
        const auto line = reader.next();
        if (!line) break;
        if (!pace.wait_for_turn()) break;
        const auto sent = lines.send(*line, ++number);
        if (!sent) return sent.error();
        progress.update(reader.bytes_read());
    }
    if (reader.failure() != 0) {
        const auto why = reader.failure() == EMSGSIZE
                                 ? fmt::format("line {} is longer than {}",
                                               number + 1,
                                               size_text(LineReader::kLineBytesMax))
                                 : std::generic_category().message(reader.failure());
        return Error{ErrorCode::invalid_argument,
                     fmt::format("Reading {} failed: {}.", options.file, why)};
    }
    return {};
}

ExitCode conclude(const Context& context,
                  const ProduceOptions& options,
                  const Outcome& outcome,
                  const Result<void>& sent) {
    if (interrupted()) {
        fmt::print(stderr,
                   "interrupted: {} acknowledged, {} failed\n",
                   count_text(outcome.acknowledged_count()),
                   count_text(outcome.failed_count()));
        return ExitCode::interrupted;
    }
    if (sent && !outcome.any_failed()) return ExitCode::ok;
    const auto error = outcome.any_failed() ? outcome.first_error() : sent.error();
    if (!context.scripted() && outcome.acknowledged_count() > 0) {
        fmt::print(stderr,
                   "{} acknowledged, {} failed\n",
                   count_text(outcome.acknowledged_count()),
                   count_text(outcome.failed_count()));
    }
    return fail(context, error, options.topic);
}

}  // namespace

ExitCode produce(const Context& context, const ProduceOptions& options) {
    const auto headers = parse_pairs(options.headers, "-H");
    if (!headers) return fail(context, headers.error());
    auto reader = LineReader::open(options.file);
    if (!reader) {
        return fail_usage(context,
                          fmt::format("{} cannot be opened: {}.",
                                      options.file,
                                      std::generic_category().message(errno)));
    }
    auto client = context.connect();
    if (!client) return fail(context, client.error());
    auto producer = Producer::open(*client, producer_options(options));
    if (!producer) return fail(context, producer.error());

    Outcome outcome;
    std::optional<AckWriter> acks;
    if (context.scripted()) acks.emplace();
    LineProducer lines(options, *headers, *producer, acks ? &*acks : nullptr, outcome);
    const auto sent = send_lines(options, *reader, lines, outcome);
    const auto closed = producer->close(interrupted() ? std::chrono::seconds(1)
                                                      : producer_options(options).delivery_timeout);
    if (acks && !acks->close()) return ExitCode::ok;
    return conclude(context, options, outcome, sent && !closed ? closed : sent);
}

}  // namespace millrace::cli
