// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/conditional_produce.h"

#include "tools/millrace/interrupt.h"

#include <deque>
#include <optional>
#include <string>
#include <utility>

namespace millrace::cli {

namespace {

// Far enough below max.message.bytes.
constexpr std::size_t kBatchBytesMax = 256UL << 10;

std::optional<std::string> owned(const std::optional<std::string_view>& text) {
    if (!text) return std::nullopt;
    return std::string(*text);
}

// Records with the bytes they refer to.
class OwnedBatch {
public:
    void add(const Record& record) {
        auto& texts = texts_.emplace_back();
        const auto keep = [&](const std::optional<std::string_view>& text) {
            auto& kept = texts.emplace_back(owned(text));
            if (kept) bytes_ += kept->size();
            return kept ? std::optional<std::string_view>(*kept) : std::nullopt;
        };
        auto kept = record;
        kept.key = keep(record.key);
        kept.value = keep(record.value);
        for (auto& header : kept.headers) {
            header.key = *keep(header.key);
            header.value = keep(header.value);
        }
        records_.push_back(std::move(kept));
    }

    void clear() {
        records_.clear();
        texts_.clear();
        bytes_ = 0;
    }

    [[nodiscard]] bool full() const { return bytes_ >= kBatchBytesMax; }

    [[nodiscard]] const std::vector<Record>& records() const { return records_; }

private:
    std::vector<Record> records_;
    std::deque<std::deque<std::optional<std::string>>> texts_;  // Addresses are kept.
    std::size_t bytes_ = 0;
};

class ConditionalSender {
public:
    ConditionalSender(const ProduceOptions& options, Producer& producer, AckWriter* acks)
            : options_(options),
              producer_(producer),
              acks_(acks),
              next_offset_(*options.expect_offset) {}

    [[nodiscard]] Result<void> add(const Record& record) {
        batch_.add(record);
        return batch_.full() ? send() : Result<void>();
    }

    [[nodiscard]] Result<void> send() {
        const auto count = batch_.records().size();
        if (count == 0) return {};
        auto ack = producer_.append_at(
                options_.topic, *options_.partition, next_offset_, batch_.records());
        if (!ack) return ack.error();
        next_offset_ += static_cast<std::int64_t>(count);
        for (std::size_t i = 0; i < count; ++i, ++ack->offset) {
            ++acknowledged_;
            if (acks_ == nullptr) continue;
            acks_->wait_for_room();
            acks_->add(acknowledged_, *ack);
        }
        batch_.clear();
        return {};
    }

    [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }

private:
    const ProduceOptions& options_;
    Producer& producer_;
    AckWriter* acks_;
    OwnedBatch batch_;
    std::int64_t next_offset_;
    std::uint64_t acknowledged_ = 0;
};

}  // namespace

Result<void> send_conditionally(const ProduceOptions& options,
                                RecordLines& lines,
                                LineReader& reader,
                                Producer& producer,
                                AckWriter* acks,
                                std::uint64_t& acknowledged) {
    ConditionalSender sender(options, producer, acks);
    std::uint64_t number = 0;
    Result<void> outcome;
    while (outcome && !interrupted()) {
        const auto line = reader.next();
        if (!line) break;
        const auto record = lines.record_of(*line, ++number);
        outcome = record ? sender.add(**record) : Result<void>(record.error());
    }
    if (outcome) outcome = end_of_lines(options, reader, number);
    // Of an input that ends too early nothing more is sent.
    if (outcome && !interrupted()) outcome = sender.send();
    acknowledged = sender.acknowledged();
    return outcome;
}

}  // namespace millrace::cli
