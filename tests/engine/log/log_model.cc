// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/engine/log/log_model.h"

#include "engine/format/record_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace millrace::testing {

using engine::Errc;
using engine::Offset;
using engine::TimestampMs;

namespace {

constexpr std::size_t kKnownBatches = 5;

}  // namespace

std::int64_t LogModel::end() const {
    return end_;
}

std::optional<Errc> LogModel::wrong_with(const std::vector<SentBatch>& batches,
                                         TimestampMs now) const {
    const auto bytes_max = std::min<std::uint64_t>(config.message_bytes_max, config.segment_bytes);
    const auto too_large = [&](const auto& sent) { return sent.bytes.size() > bytes_max; };
    if (std::ranges::any_of(batches, too_large)) return Errc::batch_too_large;
    const auto latest = now + config.timestamp_after_max_ms;
    const auto late = [&](const auto& sent) { return std::ranges::max(sent.times) > latest; };
    if (!config.log_append_time && std::ranges::any_of(batches, late))
        return Errc::invalid_timestamp;
    return std::nullopt;
}

// The answer to a batch that is not the next of its producer.
std::optional<LogModel::Appended> LogModel::known(const SentBatch& sent) const {
    const auto found = producers.find(sent.producer);
    if (sent.producer < 0 || found == producers.end()) return std::nullopt;
    const auto& producer = found->second;
    if (sent.epoch < producer.epoch) return Appended{.refused = Errc::invalid_producer_epoch};
    if (sent.epoch > producer.epoch) {
        if (sent.sequence == 0) return std::nullopt;
        return Appended{.refused = Errc::out_of_order_sequence};
    }
    for (const auto& before : producer.last) {
        if (before.sequence == sent.sequence && before.end - before.base == sent.records()) {
            return Appended{.duplicate = true, .base = before.base, .end = before.end};
        }
    }
    if (sent.sequence == producer.next) return std::nullopt;
    return Appended{.refused = sent.sequence > producer.next ? Errc::out_of_order_sequence
                                                             : Errc::duplicate_sequence};
}

void LogModel::remember(const SentBatch& sent, std::int64_t base) {
    if (sent.producer < 0) return;
    auto& producer = producers[sent.producer];
    if (producer.epoch != sent.epoch) producer = {.epoch = sent.epoch};
    producer.last.push_back({sent.sequence, base, base + sent.records()});
    if (producer.last.size() > kKnownBatches) producer.last.erase(producer.last.begin());
    producer.next = sent.sequence + sent.records();
    ++producer.sent;
}

LogModel::Appended LogModel::append(const std::vector<SentBatch>& batches, TimestampMs now) {
    if (const auto wrong = wrong_with(batches, now)) return {.refused = wrong};
    if (const auto answer = known(batches.front())) return *answer;
    const auto base = end_;
    for (const auto& sent : batches) {
        Batch batch{.base = end_,
                    .end = end_ + sent.records(),
                    .epoch = leader_epoch,
                    .bytes = sent.bytes,
                    .times = sent.times};
        engine::set_batch_place(batch.bytes.data(), Offset(end_), leader_epoch);
        if (config.log_append_time) {
            engine::set_batch_append_time(batch.bytes.data(), now);
            std::ranges::fill(batch.times, now);
        }
        remember(sent, end_);
        // An epoch that has no records any more ends where it began.
        std::erase_if(epochs_, [&](const auto& each) {
            return each.first < leader_epoch && each.second == end_;
        });
        epochs_.try_emplace(leader_epoch, end_);
        end_ = batch.end;
        batches_.push_back(std::move(batch));
    }
    return {.base = base, .end = end_};
}

void LogModel::start_at(std::int64_t offset) {
    start_ = offset;
    std::erase_if(batches_, [offset](const Batch& batch) { return batch.end <= offset; });
    // The epoch of the record at the start begins there now.
    while (epochs_.size() > 1 && std::next(epochs_.begin())->second <= offset)
        epochs_.erase(epochs_.begin());
    for (auto& [epoch, start] : epochs_)
        start = std::max(start, offset);
}

bool LogModel::delete_before(std::int64_t offset) {
    if (offset > end_) return false;
    if (offset > start_) start_at(offset);
    return true;
}

std::uint64_t LogModel::bytes_from(std::int64_t start) const {
    std::uint64_t bytes = 0;
    for (const auto& batch : batches_) {
        if (batch.end > start) bytes += batch.bytes.size();
    }
    return bytes;
}

std::string LogModel::expired_to(std::int64_t start) {
    if (start == start_) return {};
    if (config.retention_bytes < 0) return "it deletes by itself though it has no bound";
    if (start < start_) return "its start goes back";
    const auto whole = [start](const Batch& batch) { return batch.base == start; };
    if (start != end_ && std::ranges::none_of(batches_, whole)) return "it cut a batch";
    if (bytes_from(start) < static_cast<std::uint64_t>(config.retention_bytes)) {
        return "it deleted more than it had to";
    }
    start_at(start);
    return {};
}

std::string LogModel::check_read(std::int64_t from,
                                 std::uint32_t bytes_max,
                                 engine::Bytes read,
                                 std::int64_t next) const {
    auto batch =
            std::ranges::find_if(batches_, [from](const auto& each) { return each.end > from; });
    const bool first_fits_or_is_alone =
            read.size() <= bytes_max ||
            (batch != batches_.end() && read.size() == batch->bytes.size());
    if (!first_fits_or_is_alone) return "more than was asked for";
    if (read.empty() && batch != batches_.end()) return "nothing, where there are records";
    auto expected_next = from;
    while (!read.empty()) {
        if (batch == batches_.end()) return "more than there is";
        const auto& bytes = batch->bytes;
        if (read.size() < bytes.size()) return fmt::format("half of the batch at {}", batch->base);
        if (!std::ranges::equal(read.first(bytes.size()), bytes)) {
            return fmt::format("another batch than the one at {}", batch->base);
        }
        read = read.subspan(bytes.size());
        expected_next = batch->end;
        ++batch;
    }
    return next == expected_next ? "" : fmt::format("it goes on at {}", next);
}

LogModel::Found LogModel::look_up(TimestampMs timestamp, std::int64_t limit) const {
    for (const auto& batch : batches_) {
        for (std::size_t i = 0; i < batch.times.size(); ++i) {
            const auto offset = batch.base + static_cast<std::int64_t>(i);
            if (offset < start_ || offset >= limit || batch.times[i] < timestamp) continue;
            return {offset, batch.times[i], batch.epoch};
        }
    }
    return {};
}

engine::EpochEnd LogModel::epoch_end(engine::LeaderEpoch epoch) const {
    if (epoch >= leader_epoch) return {leader_epoch, Offset(end_)};
    const auto above = epochs_.upper_bound(epoch);
    const auto end = above == epochs_.end() ? end_ : above->second;
    if (above == epochs_.begin()) return {-1, Offset(end)};
    return {std::prev(above)->first, Offset(end)};
}

void LogModel::restarted(bool unclean) {
    if (unclean) ++leader_epoch;
    producers_unread_ = true;
}

void LogModel::read_producers() {
    if (!std::exchange(producers_unread_, false)) return;
    for (auto& [id, producer] : producers)
        std::erase_if(producer.last, [this](const auto& sent) { return sent.end <= start_; });
    std::erase_if(producers, [](const auto& each) { return each.second.last.empty(); });
}

}  // namespace millrace::testing
