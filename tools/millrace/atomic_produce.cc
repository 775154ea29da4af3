// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/atomic_produce.h"

#include "millrace/producer.h"
#include "tools/millrace/json_document.h"
#include "tools/millrace/json_record.h"
#include "tools/millrace/line_reader.h"
#include "tools/millrace/quantity.h"

#include <fmt/format.h>

#include <cerrno>
#include <deque>
#include <optional>
#include <system_error>

namespace millrace::cli {

namespace {

using Json = nlohmann::ordered_json;

// One request carries no more.
constexpr std::uint64_t kFileBytesMax = LineReader::kLineBytesMax;

// Records with the texts that they refer to.
class AtomicFile {
public:
    Result<void> read(LineReader& reader, const std::string& name) {
        std::uint64_t number = 0;
        while (const auto line = reader.next()) {
            if (auto taken = take(*line, ++number); !taken) return taken;
            if (reader.bytes_read() > kFileBytesMax) return too_large(name);
        }
        if (reader.failure() == EMSGSIZE) return too_large(name);
        if (reader.failure() != 0) {
            return Error{ErrorCode::invalid_argument,
                         fmt::format("Reading {} failed: {}.",
                                     name,
                                     std::generic_category().message(reader.failure()))};
        }
        if (records_.empty()) {
            return Error{ErrorCode::invalid_argument, fmt::format("{} has no lines.", name)};
        }
        return {};
    }

    [[nodiscard]] const std::vector<Record>& records() const { return records_; }

private:
    static Error too_large(const std::string& name) {
        return {ErrorCode::message_too_large,
                fmt::format("{} is larger than {}, the most that one request may hold.",
                            name,
                            size_text(kFileBytesMax))};
    }

    Result<void> take(std::string_view line, std::uint64_t number) {
        const auto wrong = [number](std::string_view why) {
            return Error{ErrorCode::invalid_argument,
                         fmt::format("Line {} is no record: {}.", number, why)};
        };
        auto parsed = parse_json_record(line);
        if (!parsed) return wrong(parsed.error().message);
        if (!parsed->topic) return wrong("it has no \"topic\"");
        if (!parsed->partition && !parsed->key) {
            return wrong("it has neither \"partition\" nor \"key\"");
        }
        const auto& kept = texts_.emplace_back(std::move(*parsed));
        auto& record = records_.emplace_back();
        record.topic = *kept.topic;
        record.key = kept.key;
        record.value = kept.value;
        record.partition = kept.partition;
        record.timestamp_ms = kept.timestamp_ms;
        for (const auto& [header, value] : kept.headers)
            record.headers.push_back({header, value});
        return {};
    }

    std::vector<Record> records_;
    std::deque<JsonRecord> texts_;  // Addresses are kept.
};

}  // namespace

ExitCode produce_atomically(const Session& session, const std::string& file) {
    auto reader = LineReader::open(file);
    if (!reader) {
        return fail_usage(
                session,
                fmt::format(
                        "{} cannot be opened: {}.", file, std::generic_category().message(errno)));
    }
    AtomicFile lines;
    if (const auto read = lines.read(*reader, file); !read) return fail(session, read.error());
    auto client = session.connect();
    if (!client) return fail(session, client.error());
    auto producer = Producer::open(*client);
    if (!producer) return fail(session, producer.error());
    const auto acks = producer->append_atomic(lines.records());
    if (!acks) return fail(session, acks.error());
    auto rows = Json::array();
    for (std::size_t line = 0; line < acks->size(); ++line) {
        const auto& ack = (*acks)[line];
        rows.push_back({{"line", line + 1},
                        {"topic", ack.topic},
                        {"partition", ack.partition},
                        {"offset", ack.offset}});
    }
    return put_out(session, json_text(session, Json{{"records", std::move(rows)}}));
}

}  // namespace millrace::cli
