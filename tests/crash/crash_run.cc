// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/crash/crash_run.h"

#include "engine/format/batch_builder.h"
#include "tests/crash/crash_append.h"
#include "tests/crash/files_at_rest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

namespace millrace::testing {

using engine::Durability;
using engine::Offset;

struct CrashRun::Listener final : engine::LogListener {
    CrashRun* run = nullptr;
    std::size_t log = 0;

    // Whoever is woken may read it and rely on it.
    void visible_end_moved(Offset visible_end) noexcept override {
        auto& model = run->model_[log];
        model.promised(model.config.durability, visible_end);
    }
};

namespace {

// One batch with keys, few enough to come again soon; some records take theirs away.
std::vector<std::byte> make_keyed_batch(std::mt19937_64& random,
                                        std::uint32_t bytes,
                                        engine::TimestampMs timestamp,
                                        const engine::ProducerStamp& producer) {
    constexpr std::array kCodecs{engine::Codec::none, engine::Codec::none, engine::Codec::lz4};
    engine::BatchBuilder builder;
    std::vector<std::byte> value;
    const std::uint32_t records = 1 + static_cast<std::uint32_t>(random() % 3);
    for (std::uint32_t record = 0; record < records; ++record) {
        value.resize(bytes / records);
        for (auto& byte : value)
            byte = static_cast<std::byte>(random());
        const std::byte key{static_cast<std::uint8_t>(random() % 5)};
        std::optional<engine::Bytes> content(value);
        if (random() % 6 == 0) content.reset();
        builder.append({timestamp, engine::Bytes(&key, 1), content, {}});
    }
    const auto batch = builder.finish(kCodecs[random() % kCodecs.size()], producer);
    return {batch->begin(), batch->end()};
}

}  // namespace

// One batch of at least `bytes`, unlike any other.
std::vector<std::byte> make_batch(std::mt19937_64& random,
                                  std::uint32_t bytes,
                                  engine::TimestampMs timestamp,
                                  const engine::ProducerStamp& producer) {
    engine::BatchBuilder builder;
    std::vector<std::byte> value;
    const std::uint32_t records = 1 + static_cast<std::uint32_t>(random() % 3);
    for (std::uint32_t record = 0; record < records; ++record) {
        value.resize(bytes / records);
        for (std::size_t at = 0; at < value.size(); at += sizeof(std::uint64_t)) {
            const std::uint64_t word = random();
            std::memcpy(value.data() + at, &word, std::min(sizeof word, value.size() - at));
        }
        const engine::Bytes view(value);
        builder.append({timestamp, std::nullopt, view, {}});
    }
    const auto batch = builder.finish(engine::Codec::none, producer);
    return {batch->begin(), batch->end()};
}

CrashRun::CrashRun(SimDisk& disk,
                   engine::Arena& arena,
                   const Model& model,
                   const SimEngineOptions& options)
        : disk_(disk), model_(model), random_(options.seed), host_(disk, clock_, arena, options) {}

CrashRun::~CrashRun() = default;

void CrashRun::complain(std::string what) {
    wrong_.push_back(std::move(what));
}

bool CrashRun::recover(Ending ending) {
    for (auto& log : model_)
        log.ended(ending);
    const auto started = host_.start();
    if (host_.stuck()) complain("a shard's start does not end");
    if (!started) {
        if (!faults_) complain(fmt::format("no start: {}", name_of(started.error().code)));
        return false;
    }
    for (const auto& key : host_.engine().recovered_partitions()) {
        if (std::ranges::find(model_, key, &ModelLog::key) == model_.end()) {
            complain("a partition nobody made was recovered");
        }
    }
    std::vector<std::byte> bytes;
    std::vector<Offset> ends;
    auto recovered = model_;
    for (std::size_t index = 0; index < model_.size(); ++index) {
        auto& log =
                host_.open_log(model_[index].key, model_[index].directory, model_[index].config);
        logs_.push_back(&log);
        const auto offsets = log.offsets();
        bytes.clear();
        if (read(index, offsets.log_start, offsets.log_end, bytes)) {
            model_[index].check_recovered(ending, offsets, bytes, wrong_);
        } else if (!faults_) {
            complain(model_[index].directory + ": what was recovered cannot be read");
        }
        recovered[index].continue_from(offsets.log_start, offsets.log_end);
        ends.push_back(offsets.log_end);
    }
    check_atomic(model_, ends, wrong_);
    under_way_.assign(model_.size(), nullptr);
    Model before = std::exchange(model_, std::move(recovered));
    for (std::size_t index = 0; index < model_.size(); ++index) {
        auto& listener = *listeners_.emplace_back(std::make_unique<Listener>());
        listener.run = this;
        listener.log = index;
        logs_[index]->set_listener(&listener);
    }
    for (std::size_t index = 0; index < model_.size(); ++index) {
        if (!send_again(index, before[index].last_batches(SIZE_MAX)) && !faults_) return false;
    }
    return true;
}

bool CrashRun::work(const CrashWorkload& workload, std::uint32_t batches, std::uint64_t seed) {
    random_.seed(seed);
    const auto spread = workload.batch_bytes_max - workload.batch_bytes_min + 1;
    for (std::uint32_t done = 0; done < batches; ++done) {
        const auto bytes =
                workload.batch_bytes_min + static_cast<std::uint32_t>(random_() % spread);
        const auto log = static_cast<std::size_t>(random_() % logs_.size());
        engine::ProducerStamp producer;
        if (workload.producers) {
            producer = {static_cast<std::int64_t>(log), 0, model_[log].next_sequence()};
        }
        if (workload.atomic && random_() % 3 == 0) append_atomically(workload);
        const auto timestamp = timestamp_at(model_[log].end());
        const auto batch = model_[log].config.compacts
                                   ? make_keyed_batch(random_, bytes, timestamp, producer)
                                   : make_batch(random_, bytes, timestamp, producer);
        const auto durability = random_() % 8 == 0 ? Durability::synced : Durability::memory;
        if (!append(log, batch, durability)) return false;
        if (workload.producers && random_() % 4 == 0) {
            const auto sent = model_[log].last_batches(5);
            if (!append_duplicate(log, *sent[random_() % sent.size()])) return false;
        }
        const auto what = random_() % 8;
        if (what < 4) host_.round();
        if (what == 5 && !await_acks()) return false;
        if (what == 6) read_random();
        if (what == 7) look_up_random_time();
        if (workload.deletes && random_() % 3 == 0) delete_random();
        if (workload.compacts && random_() % 4 == 0) compact_random();
    }
    return await_acks() && await_compactions();
}

void CrashRun::compact_random() {
    const auto log = 1 + static_cast<std::size_t>(random_() % (logs_.size() - 1));
    auto& op = compactions_.emplace_back();
    op.done = [](engine::CompactOp& ended) noexcept {
        static_cast<Compaction&>(ended).finished = true;
    };
    logs_[log]->compact(op);
}

bool CrashRun::await_compactions() {
    const auto all_finished = [this] {
        return std::ranges::all_of(compactions_, [](const auto& op) { return op.finished; });
    };
    if (!host_.run_until([&] { return all_finished() || host_.failure(); })) {
        complain("a compaction never ends");
        return false;
    }
    if (host_.failure()) return false;
    for (const auto& op : std::exchange(compactions_, {})) {
        if (op.outcome || faults_) continue;
        const auto code = op.outcome.error().code;
        const bool was_full = host_.events().find("storage.full") != std::string::npos;
        if (code == engine::Errc::storage_full && was_full) continue;
        complain(fmt::format("a compaction failed: {}", name_of(code)));
    }
    return true;
}

bool CrashRun::append(std::size_t log, engine::Bytes batch, Durability durability) {
    auto& append = *appends_.emplace_back(std::make_unique<Append>());
    append.run = this;
    append.log = log;
    append.op.batches = batch;
    append.op.durability = durability;
    append.listen();
    if (const auto accepted = append_when_possible(log, append.op); !accepted) {
        if (!faults_) complain(fmt::format("append: {}", name_of(accepted.error().code)));
        return false;
    }
    if (append.op.duplicate) complain("a new batch was taken for a duplicate");
    model_[log].appended(append.op.base_offset, batch, wrong_);
    append.end = model_[log].end();
    ++unacked_;
    return true;
}

engine::Result<void> CrashRun::append_when_possible(std::size_t log, engine::AppendOp& op) {
    while (true) {
        // One that was released for want of room holds it again before anything else goes in.
        if (!await_hold(log)) return engine::failure(engine::Errc::log_held);
        auto accepted = logs_[log]->append(op);
        if (accepted) return accepted;
        const auto code = accepted.error().code;
        if (code == engine::Errc::no_room && await_room(log, op.batches.size())) continue;
        if (code == engine::Errc::producers_unread && await_producers(log)) continue;
        if (code == engine::Errc::log_held && await_release(log)) continue;
        // Its own batches have keys; looking into them is told of elsewhere.
        if (code == engine::Errc::records_unchecked && !op.records_checked) {
            op.records_checked = true;
            continue;
        }
        return accepted;
    }
}

bool CrashRun::await_room(std::size_t log, std::uint64_t bytes) {
    bool ready = false;
    engine::RoomWaiter waiter;
    waiter.bytes = bytes;
    waiter.owner = &ready;
    waiter.ready = [](engine::RoomWaiter& woken) noexcept {
        *static_cast<bool*>(woken.owner) = true;
    };
    auto& shard = host_.shard_of(model_[log].key);
    shard.wait_for_room(waiter);
    const bool woken = host_.run_until([&] { return ready || host_.failure(); });
    if (!ready) shard.cancel_wait(waiter);
    return woken && ready && !host_.failure();
}

void CrashRun::append_done(Append& append) {
    --unacked_;
    if (!append.op.outcome) {
        if (!faults_) complain("an append failed although nothing else had");
        return;
    }
    ++acked_;
    auto& model = model_[append.log];
    if (host_.knows_of_failure(model.key)) ++acked_after_failure_;
    model.promised(std::max(append.op.durability, model.config.durability), append.end);
}

bool CrashRun::await_acks() {
    if (!host_.run_until([this] { return unacked_ == 0; })) {
        complain(fmt::format("{} appends are never answered", unacked_));
        return false;
    }
    return !host_.failure();
}

void CrashRun::idle(engine::MonotonicTime time) {
    const auto end = clock_.monotonic_now() + time;
    if (host_.run_until([&] { return clock_.monotonic_now() >= end; })) return;
    if (host_.overdue()) complain("a deadline passes and nothing is done");
    clock_.advance(time);
    static_cast<void>(host_.run_until([this] { return !host_.round(); }));
}

bool CrashRun::stop() {
    check_held();
    const auto stopped = host_.stop();
    if (host_.stuck()) complain("a shard's stop does not end");
    if (!stopped) {
        if (!faults_) complain(fmt::format("no clean stop: {}", name_of(stopped.error().code)));
        return false;
    }
    for (auto& log : model_) {
        log.promised(Durability::synced, log.end());
        if (!faults_) check_files_at_rest(disk_, log, wrong_);
    }
    return true;
}

}  // namespace millrace::testing
