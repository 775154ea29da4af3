// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/produce_command.h"

#include "tools/millrace/ack_writer.h"
#include "tools/millrace/acknowledgements.h"
#include "tools/millrace/atomic_produce.h"
#include "tools/millrace/conditional_produce.h"
#include "tools/millrace/interrupt.h"
#include "tools/millrace/line_reader.h"
#include "tools/millrace/pace.h"
#include "tools/millrace/progress.h"
#include "tools/millrace/quantity.h"
#include "tools/millrace/record_lines.h"
#include "tools/millrace/standard_error.h"

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
    void acknowledged(std::uint64_t bytes, std::uint64_t records = 1) {
        acknowledged_.fetch_add(records, std::memory_order_relaxed);
        acknowledged_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    }

    void failed(const Error& error) {
        const std::lock_guard lock(mutex_);
        if (failed_.fetch_add(1) == 0) first_error_ = error;
    }

    [[nodiscard]] bool any_failed() const { return failed_.load() != 0; }

    [[nodiscard]] std::uint64_t acknowledged_count() const { return acknowledged_.load(); }

    // Of the input.
    [[nodiscard]] std::uint64_t acknowledged_bytes() const { return acknowledged_bytes_.load(); }

    [[nodiscard]] std::uint64_t failed_count() const { return failed_.load(); }

    [[nodiscard]] Error first_error() const {
        const std::lock_guard lock(mutex_);
        return first_error_;
    }

private:
    std::atomic<std::uint64_t> acknowledged_{0};
    std::atomic<std::uint64_t> acknowledged_bytes_{0};
    std::atomic<std::uint64_t> failed_{0};
    mutable std::mutex mutex_;
    Error first_error_;
};

// Sends every line of the input as a record.
class LineProducer {
public:
    LineProducer(RecordLines& lines, Producer& producer, AckWriter* acks, Outcome& outcome)
            : lines_(lines), producer_(producer), acks_(acks), outcome_(outcome) {}

    [[nodiscard]] Result<void> send(std::string_view line, std::uint64_t number) {
        const auto record = lines_.record_of(line, number);
        if (!record) return record.error();
        if (acks_ != nullptr) acks_->wait_for_room();
        return queue(**record, number, line.size() + 1);
    }

private:
    // Waits while the producer's buffer is full, unless interrupted or in vain.
    [[nodiscard]] Result<void> queue(const Record& record,
                                     std::uint64_t number,
                                     std::uint64_t bytes) {
        const auto told =
                [acks = acks_, &outcome = outcome_, number, bytes](const Result<Ack>& ack) {
                    if (!ack) return outcome.failed(ack.error());
                    outcome.acknowledged(bytes);
                    if (acks != nullptr) acks->add(number, *ack);
                };
        for (;;) {
            auto sent = producer_.send(record, told);
            if (sent || sent.error().code != ErrorCode::buffer_full) return sent;
            if (interrupted() || outcome_.any_failed()) return {};
            static_cast<void>(producer_.flush(std::chrono::milliseconds(20)));
        }
    }

    RecordLines& lines_;
    Producer& producer_;
    AckWriter* acks_;
    Outcome& outcome_;
};

ProducerOptions producer_options(const ProduceOptions& options) {
    ProducerOptions result;
    result.acks = options.acks;
    result.compression = options.compression;
    result.on_full = OnFull::fail;  // Its waits cannot be interrupted.
    if (options.delivery_timeout) result.delivery_timeout = *options.delivery_timeout;
    return result;
}

Result<void> send_lines(const ProduceOptions& options,
                        LineReader& reader,
                        LineProducer& lines,
                        const Outcome& outcome,
                        Progress& progress) {
    Pace pace(options.rate, Pace::Missed::dropped);
    std::uint64_t number = 0;
    while (!interrupted() && !outcome.any_failed()) {
        const auto line = reader.next();
        if (!line) break;
        if (!pace.wait_for_turn()) break;
        const auto sent = lines.send(*line, ++number);
        if (!sent) return sent.error();
        progress.update(outcome.acknowledged_bytes());
    }
    return end_of_lines(options, reader, number);
}

// To the last acknowledgement.
Result<void> send_file(const ProduceOptions& options,
                       RecordLines& records,
                       LineReader& reader,
                       Producer& producer,
                       AckWriter* acks,
                       Outcome& outcome) {
    Progress progress("produce " + options.topic, reader.size(), "bytes");
    LineProducer lines(records, producer, acks, outcome);
    auto sent = send_lines(options, reader, lines, outcome, progress);
    auto settled = await_acknowledgements(producer,
                                          producer_options(options).delivery_timeout,
                                          [&] { progress.update(outcome.acknowledged_bytes()); });
    auto closed = producer.close(std::chrono::seconds(1));
    if (!sent) return sent;
    return settled ? closed : settled;
}

// As batches that expect their offsets.
Result<void> send_file_conditionally(const ProduceOptions& options,
                                     RecordLines& records,
                                     LineReader& reader,
                                     Producer& producer,
                                     AckWriter* acks,
                                     Outcome& outcome) {
    std::uint64_t acknowledged = 0;
    auto sent = send_conditionally(options, records, reader, producer, acks, acknowledged);
    outcome.acknowledged(0, acknowledged);
    auto closed = producer.close(std::chrono::seconds(1));
    return sent ? closed : sent;
}

ExitCode conclude(const Session& session,
                  const ProduceOptions& options,
                  const Outcome& outcome,
                  const Result<void>& sent) {
    if (interrupted()) {
        say(fmt::format("interrupted: {} acknowledged, {} failed\n",
                        count_text(outcome.acknowledged_count()),
                        count_text(outcome.failed_count())));
        return ExitCode::interrupted;
    }
    if (sent && !outcome.any_failed()) return ExitCode::ok;
    const auto error = outcome.any_failed() ? outcome.first_error() : sent.error();
    if (!session.scripted() && outcome.acknowledged_count() > 0) {
        say(fmt::format("{} acknowledged, {} failed\n",
                        count_text(outcome.acknowledged_count()),
                        count_text(outcome.failed_count())));
    }
    return fail(session, error, options.topic);
}

}  // namespace

ExitCode produce(const Session& session, const ProduceOptions& options) {
    if (options.atomic_file) return produce_atomically(session, *options.atomic_file);
    if (options.topic.empty()) return fail_usage(session, "TOPIC is required");
    const auto headers = parse_pairs(options.headers, "-H");
    if (!headers) return fail(session, headers.error());
    auto reader = LineReader::open(options.file);
    if (!reader) {
        return fail_usage(session,
                          fmt::format("{} cannot be opened: {}.",
                                      options.file,
                                      std::generic_category().message(errno)));
    }
    auto client = session.connect();
    if (!client) return fail(session, client.error());
    Outcome outcome;  // The producer tells it to its end.
    auto producer = Producer::open(*client, producer_options(options));
    if (!producer) return fail(session, producer.error());
    watch_for_interrupts();
    std::optional<AckWriter> acks;
    if (session.scripted()) acks.emplace(session.output == OutputFormat::json);
    // With acks 0 nothing is acknowledged.
    auto* const acked = acks && options.acks != Acks::none ? &*acks : nullptr;
    RecordLines records(options, *headers);
    const auto send = options.expect_offset ? send_file_conditionally : send_file;
    const auto sent = send(options, records, *reader, *producer, acked, outcome);
    const int output_error = acks ? acks->close() : 0;
    const auto code = conclude(session, options, outcome, sent);
    return code == ExitCode::ok && output_error != 0 ? fail_output(session, output_error) : code;
}

}  // namespace millrace::cli
