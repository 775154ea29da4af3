// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/consume_command.h"

#include "millrace/consumer.h"
#include "tools/millrace/interrupt.h"
#include "tools/millrace/json_rows.h"
#include "tools/millrace/json_text.h"
#include "tools/millrace/progress.h"
#include "tools/millrace/quantity.h"
#include "tools/millrace/standard_error.h"
#include "tools/millrace/standard_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <unistd.h>
#include <vector>

namespace millrace::cli {

namespace {

constexpr auto kPollTime = std::chrono::milliseconds(100);
// A broker that has not answered for so long ends a command that was told to stop at the end.
constexpr auto kSilenceMax = std::chrono::seconds(30);

// A partition with the end it had when the command began.
struct Part {
    TopicPartition partition;
    std::int64_t start = 0;
    std::int64_t end = 0;
};

// Adds those of one topic.
Result<void> add_parts(Admin& admin,
                       const std::string& topic,
                       const ConsumeOptions& options,
                       std::vector<Part>& parts) {
    const auto offsets = admin.topic_offsets(topic);
    if (!offsets) return offsets.error();
    const auto before = parts.size();
    for (const auto& row : *offsets) {
        if (options.partition && row.partition != *options.partition) continue;
        if (row.error.code != ErrorCode::none) return row.error;
        parts.push_back({{topic, row.partition}, row.start_offset, row.end_offset});
    }
    if (parts.size() == before) {
        return Error{
                ErrorCode::unknown_partition,
                fmt::format("Topic {} has no partition {}.", topic, options.partition.value_or(0))};
    }
    return {};
}

// An offset given for all partitions at once is moved into the range of each.
Position start_of(const Part& part, const ConsumeOptions& options) {
    if (options.from.kind() != Position::Kind::offset || options.partition) return options.from;
    return Position::at(std::clamp(options.from.value(), part.start, part.end));
}

// The offset asked for lies in the one partition of each topic.
Result<void> check_start(const std::vector<Part>& parts, const ConsumeOptions& options) {
    if (options.from.kind() != Position::Kind::offset || !options.partition) return {};
    const auto offset = options.from.value();
    for (const auto& part : parts) {
        if (offset >= part.start && offset <= part.end) continue;
        return Error{ErrorCode::offset_out_of_range,
                     fmt::format("{}-{}: offset {} lies outside {} to {}.",
                                 part.partition.topic,
                                 part.partition.partition,
                                 offset,
                                 part.start,
                                 part.end)};
    }
    return {};
}

// How many records a command prints that ends by itself; 0: nobody knows.
std::uint64_t expected_records(const std::vector<Part>& parts, const ConsumeOptions& options) {
    if (options.count) return *options.count;
    if (options.filter != nullptr || !options.stop_at_end ||
        options.from.kind() != Position::Kind::start)
        return 0;
    std::uint64_t records = 0;
    for (const auto& part : parts)
        records += static_cast<std::uint64_t>(part.end - part.start);
    return records;
}

// Prints records in the format asked for.
class RecordPrinter {
public:
    RecordPrinter(const Session& session, const RecordFormat& format)
            : context_(session), format_(format), rows_(session.output) {}

    [[nodiscard]] bool print(const RecordView& record) {
        auto& to = output_.buffer();
        rows_.begin_row(to);
        context_.scripted() ? append_json_record(to, record) : format_.append(to, record);
        rows_.end_row(to);
        ++printed_;
        bytes_ += record.value.value_or("").size();
        return output_.flush_if_large();
    }

    [[nodiscard]] bool flush() { return output_.flush(); }

    [[nodiscard]] bool close() {
        rows_.end(output_.buffer());
        return output_.flush();
    }

    [[nodiscard]] std::uint64_t printed() const { return printed_; }

    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

    [[nodiscard]] int error() const { return output_.error(); }

private:
    const Session& context_;
    const RecordFormat& format_;
    JsonRows rows_;
    StandardOutput output_;
    std::uint64_t printed_ = 0;
    std::uint64_t bytes_ = 0;
};

bool at_end(const Consumer& consumer, const std::vector<Part>& parts) {
    return std::ranges::all_of(parts, [&](const Part& part) {
        const auto position = consumer.position(part.partition);
        return position && *position >= part.end;
    });
}

// Prints what one poll brought, but nothing of a partition beyond the end it had, when stopping
// there. False when the output takes no more.
bool print_records(const Records& records,
                   const ConsumeOptions& options,
                   const std::vector<Part>& parts,
                   RecordPrinter& printer) {
    for (const auto& record : records) {
        if (options.count && printer.printed() == *options.count) break;
        if (options.stop_at_end) {
            const auto part = std::ranges::find_if(parts, [&](const Part& candidate) {
                return candidate.partition.partition == record.partition &&
                       candidate.partition.topic == record.topic;
            });
            if (part != parts.end() && record.offset >= part->end) continue;
        }
        if (options.filter != nullptr && !options.filter->matches(record)) continue;
        if (!printer.print(record)) return false;
    }
    return true;
}

Result<void> follow(Consumer& consumer,
                    const ConsumeOptions& options,
                    const std::vector<Part>& parts,
                    RecordPrinter& printer,
                    Progress* progress) {
    auto heard_at = std::chrono::steady_clock::now();
    while (!interrupted()) {
        if (options.count && printer.printed() >= *options.count) return {};
        if (options.stop_at_end && at_end(consumer, parts)) return {};
        const auto records = consumer.poll(kPollTime);
        if (!records) return records.error();
        const auto now = std::chrono::steady_clock::now();
        const auto trouble = consumer.last_connection_error();
        if (trouble.code == ErrorCode::none || !records->empty()) heard_at = now;
        if (options.stop_at_end && now - heard_at > kSilenceMax) return trouble;
        if (!print_records(*records, options, parts, printer)) return {};
        if (!printer.flush()) return {};
        if (progress != nullptr) progress->update(printer.printed());
    }
    return {};
}

}  // namespace

ExitCode consume(const Session& session, const ConsumeOptions& options) {
    auto client = session.connect();
    if (!client) return fail(session, client.error());
    auto admin = Admin::open(*client);
    if (!admin) return fail(session, admin.error());
    std::vector<Part> parts;
    // A topic that is named twice is read once.
    for (const auto& topic : std::set(options.topics.begin(), options.topics.end())) {
        const auto added = add_parts(*admin, topic, options, parts);
        if (!added) return fail(session, added.error(), topic);
    }
    const auto names = fmt::format("{}", fmt::join(options.topics, ", "));
    const auto checked = check_start(parts, options);
    if (!checked) return fail(session, checked.error(), names);
    auto consumer = Consumer::open(*client);
    if (!consumer) return fail(session, consumer.error());
    std::vector<Assignment> assignments;
    assignments.reserve(parts.size());
    for (const auto& part : parts)
        assignments.push_back({part.partition, start_of(part, options)});
    const auto assigned = consumer->assign(assignments);
    if (!assigned) return fail(session, assigned.error(), names);

    RecordPrinter printer(session, options.format);
    watch_for_interrupts();
    std::optional<Progress> progress;
    if (const auto expected = expected_records(parts, options);
        expected != 0 && isatty(STDOUT_FILENO) == 0) {
        progress.emplace("consume " + names, expected, "records");
    }
    const auto followed =
            follow(*consumer, options, parts, printer, progress ? &*progress : nullptr);
    progress.reset();
    const bool written = printer.close();
    if (interrupted()) {
        say(fmt::format("interrupted: {} records, {}\n",
                        count_text(printer.printed()),
                        size_text(printer.bytes())));
        return ExitCode::interrupted;
    }
    if (!followed) return fail(session, followed.error(), names);
    return written ? ExitCode::ok : fail_output(session, printer.error());
}

}  // namespace millrace::cli
