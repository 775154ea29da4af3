// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/engine/wal/wal_harness.h"

#include "engine/base/payload_copy.h"

#include <algorithm>
#include <utility>

namespace millrace::testing {

using namespace std::chrono_literals;

void EventTexts::event(engine::Level /*level*/,
                       std::string_view name,
                       std::string_view /*message*/,
                       std::initializer_list<engine::EventField> fields) noexcept {
    std::string text;
    for (const auto& field : fields) {
        text += std::string(field.key) + "=" + field.value + " ";
    }
    events_.emplace_back(name, text);
}

bool EventTexts::has(std::string_view name) const {
    return count(name) > 0;
}

std::size_t EventTexts::count(std::string_view name) const {
    return static_cast<std::size_t>(
            std::ranges::count_if(events_, [&](const auto& event) { return event.first == name; }));
}

std::string EventTexts::fields(std::string_view name) const {
    for (auto event = events_.rbegin(); event != events_.rend(); ++event) {
        if (event->first == name) return event->second;
    }
    return {};
}

void HeardListener::wal_failed(engine::Error error, std::string_view text) noexcept {
    failures.push_back(error);
    what = text;
}

WalHarness::WalHarness() {
    options.file_bytes = 64 * engine::kKiB;
    options.bytes_max = 8 * options.file_bytes;
    options.first_frontier_bytes = 16 * engine::kKiB;
    options.group_bytes_max = 8 * engine::kKiB;
    options.run_number = 1;
    make_storage();
}

WalHarness::WalHarness(const SimDisk& before) : WalHarness() {
    disk = before;
    make_storage();
}

WalHarness::~WalHarness() {
    kill();
}

void WalHarness::make_storage() {
    storage = std::make_unique<SimStorage>(disk, storage_options);
}

engine::Result<engine::ReplayedWal> WalHarness::replay(const engine::WalPosition& from,
                                                       bool accept_loss) {
    make_storage();
    return engine::replay_wal(*storage, arena, events, from, accept_loss);
}

engine::Result<void> WalHarness::open(const engine::WalPosition& from, bool accept_loss) {
    TRY(auto replayed, replay(from, accept_loss));
    found = texts_of(replayed);
    begin_start(std::move(replayed));
    settle();
    return started ? start_outcome : engine::failure(engine::Errc::io_failed);
}

void WalHarness::begin_start(engine::ReplayedWal&& replayed) {
    end = replayed.end;
    uses.clear();
    for (const auto& entry : replayed.entries)
        uses.push_back(entry.place.file);
    options.run_number = replayed.run_number + 1;
    options.run_bits = 0x1234567800000000U + options.run_number;
    started = false;
    wal = std::make_unique<engine::WalWriter>(
            options,
            engine::WalParts{clock, events, arena, *storage, counters, listener},
            std::move(replayed));
    start_op.owner = this;
    start_op.done = [](engine::EngineOp& op) noexcept {
        auto& self = *static_cast<WalHarness*>(op.owner);
        self.started = true;
        self.start_outcome = op.outcome;
    };
    drain_op.owner = this;
    drain_op.done = [](engine::EngineOp& op) noexcept {
        auto& self = *static_cast<WalHarness*>(op.owner);
        self.drained = true;
        self.drain_outcome = op.outcome;
    };
    wal->start(start_op);
}

engine::Result<void> WalHarness::append(std::string_view text,
                                        std::int64_t end_offset,
                                        engine::Durability awaited,
                                        engine::EntryKind kind,
                                        std::uint32_t partition) {
    engine::PartitionKey key;
    key.topic.bytes[0] = 7;
    key.partition = partition;
    TRY(const auto place, wal->reserve(kind, key, static_cast<std::uint32_t>(text.size()), false));
    engine::copy_payload(place.data, std::as_bytes(std::span(text)).data(), text.size());
    wal->keep(place, &sink, engine::Offset(end_offset), awaited);
    uses.push_back(place.file);
    return {};
}

void WalHarness::turn() {
    wal->end_turn();
    storage->flush_submissions();
}

bool WalHarness::step() {
    turn();
    return storage->step();
}

void WalHarness::settle() {
    turn();
    while (storage->run_completions() > 0)
        turn();
}

void WalHarness::commit(std::string_view text,
                        std::int64_t end_offset,
                        engine::Durability awaited) {
    static_cast<void>(append(text, end_offset, awaited).value());
    settle();
}

void WalHarness::kill() {
    end_run(disk.killed());
}

void WalHarness::cut_power() {
    end_run(disk.crashed([] { return false; }, 512));
}

void WalHarness::end_run(SimDisk&& after) {
    if (wal != nullptr) {
        // Operations in flight end on the disk of the dead run, which nobody looks at any more.
        wal->fail({engine::Errc::shutting_down});
        while (!wal->idle()) {
            storage->flush_submissions();
            storage->run_completions();
        }
        wal.reset();
    }
    disk = std::move(after);
    make_storage();
}

std::vector<ReplayedText> texts_of(const engine::ReplayedWal& wal) {
    std::vector<ReplayedText> texts;
    for (const auto& entry : wal.entries) {
        ReplayedText text;
        text.kind = entry.kind;
        text.partition = entry.key.partition;
        text.text.assign(reinterpret_cast<const char*>(entry.place.data), entry.place.size);
        texts.push_back(std::move(text));
    }
    return texts;
}

std::string filler(std::size_t bytes) {
    return std::string(bytes, 'a');
}

}  // namespace millrace::testing
