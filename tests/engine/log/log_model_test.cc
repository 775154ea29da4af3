// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The log and its reference model are given the same random operations and have to say the same
// after every one. MILLRACE_MODEL_SEED runs one seed, MILLRACE_MODEL_SEEDS that many.
#include "tests/engine/log/log_model.h"

#include "engine/format/batch_builder.h"
#include "engine/units.h"
#include "tests/engine/log/log_harness.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

namespace millrace::engine {
namespace {

using namespace std::chrono_literals;
using testing::AckedAppend;
using testing::LogHarness;
using testing::LogModel;
using testing::SentBatch;

constexpr int kSteps = 250;
constexpr std::int64_t kProducers = 3;
constexpr std::uint64_t kBytesMax = 60 * kKiB;  // Then the front is deleted.

struct WokenUp : LogWaiter {
    WokenUp() {
        ready = [](LogWaiter& waiter) noexcept { static_cast<WokenUp&>(waiter).woken = true; };
    }

    bool woken = false;
};

class ModelRun {
public:
    explicit ModelRun(std::uint64_t seed) : random_(seed) {
        config_ = random_config();
        harness_.open(config_);
        model_.config = config_;
        rows_ = harness_.checkpoint();
    }

    void step() {
        what_ = "?";
        switch (below(16)) {
            case 0:
            case 1:
            case 2:
            case 3:
                append();
                break;
            case 4:
            case 5:
            case 6:
                produce();
                break;
            case 7:
                delete_records();
                break;
            case 8:
                expire();
                break;
            case 9:
                change_config();
                break;
            case 10:
                store();
                break;
            case 11:
                rows_ = said("checkpoint", harness_.checkpoint());
                break;
            case 12:
                rows_ = said("files only", harness_.only_files());
                break;
            case 13:
                restart();
                break;
            case 14:
                look_up();
                break;
            default:
                read_somewhere();
                break;
        }
        if (model_.bytes_from(model_.start()) > kBytesMax) shorten();
        compare();
    }

    [[nodiscard]] const std::string& what() const { return what_; }

    [[nodiscard]] std::string range() const {
        return fmt::format("{} to {}", model_.start(), model_.end());
    }

private:
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

    template <class Value>
    Value said(std::string what, Value value) {
        what_ = std::move(what);
        return value;
    }

    // Within the last hour; often the same, so that bounds are met.
    TimestampMs random_time() {
        constexpr TimestampMs kStep = 60'000;
        return (harness_.clock.wall_now() / kStep - static_cast<TimestampMs>(below(60))) * kStep;
    }

    LogConfig random_config() {
        LogConfig config;
        config.segment_bytes = 2'000 + below(20'000);
        config.index_interval_bytes = static_cast<std::uint32_t>(100 + below(4'000));
        config.log_append_time = below(4) == 0;
        config.retention_bytes = below(3) == 0 ? static_cast<std::int64_t>(below(30'000)) : -1;
        config.durability = static_cast<Durability>(below(3));
        return config;
    }

    SentBatch batch(std::int64_t producer = -1,
                    std::int16_t epoch = -1,
                    std::int32_t sequence = -1) {
        constexpr Codec kCodecs[] = {
                Codec::none, Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};
        SentBatch sent{.producer = producer, .epoch = epoch, .sequence = sequence};
        BatchBuilder builder;
        const auto records = 1 + below(5);
        const std::string value(below(8) == 0 ? below(6'000) : below(300), 'v');
        for (std::uint64_t i = 0; i < records; ++i) {
            const auto time = below(200) == 0 ? random_time() + 3 * 3'600'000 : random_time();
            sent.times.push_back(time);
            const auto bytes = std::as_bytes(std::span(value));
            builder.append({.timestamp = time, .key = std::nullopt, .value = bytes, .headers = {}});
        }
        const auto built = builder.finish(kCodecs[below(6)], {producer, epoch, sequence});
        sent.bytes.assign(built->begin(), built->end());
        return sent;
    }

    void read_producers() {
        WokenUp waiter;
        harness_.log->wait_for_producers(waiter);
        EXPECT_TRUE(harness_.run_until([&] { return waiter.woken; }));
        observe_start(-1);
        model_.read_producers();
    }

    void send(const std::vector<SentBatch>& batches) {
        std::vector<std::byte> bytes;
        for (const auto& sent : batches)
            bytes.insert(bytes.end(), sent.bytes.begin(), sent.bytes.end());
        auto& op = harness_.begin_append(bytes, static_cast<Durability>(below(3)));
        LogModel::Appended answer;
        if (op.admitted) {
            answer = {.duplicate = op.duplicate,
                      .base = op.base_offset.value,
                      .end = op.end_offset.value};
        } else {
            answer.refused = op.admitted.error().code;
        }
        const auto expected = model_.append(batches, harness_.clock.wall_now());
        EXPECT_EQ(answer.refused.has_value() ? name_of(*answer.refused) : "taken",
                  expected.refused.has_value() ? name_of(*expected.refused) : "taken");
        EXPECT_EQ(answer, expected);
        harness_.wal.flush_all();
        harness_.turn();
        EXPECT_EQ(op.acks, op.admitted ? 1U : 0U);
    }

    void append() {
        what_ = "append";
        std::vector<SentBatch> batches;
        for (auto left = 1 + below(3); left > 0; --left)
            batches.push_back(batch());
        send(batches);
    }

    // What an idempotent producer may send, and what it should not.
    void produce() {
        read_producers();
        const auto id = static_cast<std::int64_t>(below(kProducers));
        auto& epoch = epochs_[static_cast<std::size_t>(id)];
        const auto found = model_.producers.find(id);
        if (found == model_.producers.end()) {
            what_ = fmt::format("first batch of producer {}", id);
            return send({batch(id, ++epoch, 0)});
        }
        const auto& producer = found->second;
        switch (below(8)) {
            case 0:
                return again(id, producer);
            case 1:
                what_ = "a gap";
                return send({batch(id, epoch, producer.next + 3)});
            case 2:
                if (producer.sent <= 5 || producer.last.size() < 5) break;
                what_ = "an old batch";
                return send({batch(id, epoch, producer.last.front().sequence - 1)});
            case 3:
                what_ = "an old epoch";
                return send({batch(id, static_cast<std::int16_t>(epoch - 1), producer.next)});
            case 4:
                what_ = fmt::format("a new epoch of producer {}", id);
                return send({batch(id, ++epoch, 0)});
            default:
                break;
        }
        what_ = fmt::format("next batch {} of producer {}, epoch {}", producer.next, id, epoch);
        send({batch(id, epoch, producer.next)});
    }

    void again(std::int64_t id, const LogModel::Producer& producer) {
        what_ = "a batch again";
        const auto& sent = producer.last[below(producer.last.size())];
        auto repeated = batch(id, producer.epoch, sent.sequence);
        while (repeated.records() != sent.end - sent.base)
            repeated = batch(id, producer.epoch, sent.sequence);
        send({repeated});
    }

    void delete_records() {
        const auto offset = model_.start() - 2 +
                            static_cast<std::int64_t>(below(
                                    static_cast<std::uint64_t>(model_.end() - model_.start()) + 5));
        what_ = fmt::format("delete before {}", offset);
        if (offset < 0) return;
        const auto op = harness_.delete_before(offset);
        observe_start(op.outcome ? offset : -1);
        EXPECT_EQ(op.outcome.has_value(), model_.delete_before(offset));
        if (op.outcome) {
            EXPECT_EQ(op.log_start.value, model_.start());
        }
    }

    void shorten() {
        const auto offset = (model_.start() + model_.end()) / 2;
        EXPECT_TRUE(harness_.delete_before(offset).outcome.has_value());
        observe_start(offset);
        EXPECT_TRUE(model_.delete_before(offset));
    }

    void expire() {
        what_ = "expire";
        EXPECT_TRUE(harness_.expire().outcome.has_value());
    }

    void change_config() {
        what_ = "change of settings";
        // What retention has begun to delete goes by the old ones.
        for (int i = 0; i < 3; ++i) {
            harness_.settle();
            harness_.wal.flush_all();
        }
        observe_start(-1);
        model_.config = config_ = random_config();
        harness_.set_config(config_);
    }

    void store() {
        what_ = "time and storing";
        harness_.clock.advance(std::chrono::seconds(below(600)));
        harness_.store_all();
    }

    void restart() {
        const bool clean = below(2) == 0;
        what_ = clean ? "clean restart" : "unclean restart";
        if (clean) {
            EXPECT_TRUE(harness_.flush_all().has_value());
            rows_ = harness_.checkpoint();
        }
        observe_start(-1);
        harness_.restart(rows_, !clean);
        observe_start(-1);
        model_.restarted(!clean);
    }

    void look_up() {
        const auto time = random_time() + static_cast<TimestampMs>(below(3)) - 1;
        what_ = fmt::format("look-up of {}", time);
        const auto found = harness_.look_up(time, model_.end());
        EXPECT_TRUE(found.outcome.has_value());
        observe_start(-1);
        LogModel::Found answer;
        if (found.found) answer = {found.offset.value, found.found_timestamp, found.epoch};
        const auto expected = model_.look_up(time, model_.end());
        EXPECT_EQ(answer.offset, expected.offset);
        EXPECT_EQ(answer, expected);
    }

    void read_somewhere() {
        const auto from = model_.start() - 2 +
                          static_cast<std::int64_t>(below(
                                  static_cast<std::uint64_t>(model_.end() - model_.start()) + 5));
        const auto bytes_max = static_cast<std::uint32_t>(1 + below(20'000));
        what_ = fmt::format("read of {} bytes from {}", bytes_max, from);
        check_read(from, bytes_max);
    }

    std::int64_t check_read(std::int64_t from, std::uint32_t bytes_max) {
        const auto end = model_.end();
        auto op = harness_.read(from, bytes_max, end);
        observe_start(-1);
        if (from < model_.start() || from > end) {
            EXPECT_FALSE(op.outcome.has_value());
            return from;
        }
        EXPECT_TRUE(op.outcome.has_value());
        EXPECT_EQ(model_.check_read(from, bytes_max, op.bytes_read(), op.next_offset.value), "");
        return op.next_offset.value;
    }

    // Retention looks by itself whenever time passes. `asked`: what a caller just asked for.
    void observe_start(std::int64_t asked) {
        const auto start = harness_.log->offsets().log_start.value;
        if (start != asked) {
            EXPECT_EQ(model_.expired_to(start), "") << start;
        }
    }

    void compare_epochs() {
        for (LeaderEpoch epoch = 0; epoch <= model_.leader_epoch; ++epoch) {
            const auto expected = model_.epoch_end(epoch);
            const auto answer = harness_.log->epoch_end(epoch);
            EXPECT_EQ(answer.epoch, expected.epoch) << "of epoch " << epoch;
            if (expected.epoch >= 0) {
                EXPECT_EQ(answer.end_offset.value, expected.end_offset.value) << epoch;
            }
        }
    }

    void compare() {
        observe_start(-1);
        const auto offsets = harness_.log->offsets();
        EXPECT_EQ(offsets.log_end.value, model_.end());
        EXPECT_EQ(offsets.flushed_end, offsets.log_end);
        EXPECT_EQ(offsets.visible_end, offsets.log_end);
        EXPECT_EQ(harness_.log->leader_epoch(), model_.leader_epoch);
        // Of an empty log it is open whether epochs without records are known.
        if (model_.start() < model_.end()) compare_epochs();
        for (auto at = model_.start(); at < model_.end();) {
            const auto next = check_read(at, 1U << 20U);
            if (next <= at || ::testing::Test::HasFailure()) break;
            at = next;
        }
        EXPECT_FALSE(harness_.failure.has_value()) << harness_.failed_what;
    }

    std::mt19937_64 random_;
    LogHarness harness_;
    LogModel model_;
    LogConfig config_;
    std::vector<PartitionRow> rows_;
    std::int16_t epochs_[kProducers] = {};
    std::string what_;
};

std::uint64_t number_in(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(Log, SaysWhatTheModelSaysAfterEveryStep) {
    const auto only = number_in("MILLRACE_MODEL_SEED", 0);
    const auto last = only != 0 ? only : number_in("MILLRACE_MODEL_SEEDS", 40);
    for (auto seed = only != 0 ? only : 1; seed <= last; ++seed) {
        ModelRun run(seed);
        std::string done;
        for (int step = 0; step < kSteps; ++step) {
            run.step();
            done += fmt::format("{} [{}]; ", run.what(), run.range());
            ASSERT_FALSE(HasFailure())
                    << "MILLRACE_MODEL_SEED=" << seed << " after step " << step << ": "
                    << done.substr(done.size() - std::min<std::size_t>(done.size(), 600));
        }
    }
}

}  // namespace
}  // namespace millrace::engine
