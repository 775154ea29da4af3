// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A commit group of the write-ahead log: header, entries and the payloads of control entries. What
// is read can be written again, to the same bytes.
#include "engine/assert.h"
#include "engine/format/atomic_entry.h"
#include "engine/format/log_start_entry.h"
#include "engine/format/wal_entry.h"
#include "engine/format/wal_group.h"
#include "tests/fuzz/fuzzer.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace millrace::fuzz {

namespace {

using engine::Bytes;
using engine::EntryKind;

void check_atomic(Bytes payload) {
    const auto parts = engine::read_atomic_entry(payload);
    if (!parts) return;
    Input written(engine::atomic_table_bytes(parts->size()));
    engine::store_atomic_head(written.data(), static_cast<std::uint32_t>(parts->size()));
    for (std::uint32_t index = 0; index < parts->size(); ++index) {
        const auto& [key, batches] = (*parts)[index];
        engine::store_atomic_row(
                written.data(), index, key, static_cast<std::uint32_t>(batches.size()));
        written.insert(written.end(), batches.begin(), batches.end());
    }
    ASSERT(std::ranges::equal(payload, written));
}

void check_payload(const engine::WalEntryView& entry) {
    std::array<std::byte, engine::kStartLinkBytes> written{};
    std::size_t size = 0;
    if (entry.kind == EntryKind::start) {
        const auto link = engine::load_start_link(entry.payload);
        if (!link) return;
        engine::store_start_link(written.data(), *link);
        size = engine::kStartLinkBytes;
    } else if (entry.kind == EntryKind::epoch) {
        const auto change = engine::load_epoch_change(entry.payload);
        if (!change) return;
        engine::store_epoch_change(written.data(), *change);
        size = engine::kEpochChangeBytes;
    } else if (entry.kind == EntryKind::log_start) {
        const auto start = engine::decode_log_start_entry(entry.payload);
        if (!start) return;
        engine::encode_log_start_entry(*start, written.data());
        size = engine::kLogStartEntryBytes;
    } else if (entry.kind == EntryKind::atomic) {
        return check_atomic(entry.payload);
    } else {
        return;
    }
    ASSERT(std::ranges::equal(entry.payload, Bytes(written).first(size)));
}

void check_entries(Bytes entries) {
    while (!entries.empty()) {
        const auto before = entries;
        const auto entry = engine::take_entry(entries);
        if (!entry) return;
        Input written(engine::kEntryHeaderBytes);
        engine::store_entry_header(written.data(),
                                   entry->kind,
                                   entry->key,
                                   static_cast<std::uint32_t>(entry->payload.size()));
        written.insert(written.end(), entry->payload.begin(), entry->payload.end());
        ASSERT(std::ranges::equal(before.first(before.size() - entries.size()), written));
        check_payload(*entry);
    }
}

void run(Bytes input) {
    const AlignedCopy copy(input);
    const auto header = engine::read_group_header(copy.bytes());
    if (!header || header->length > copy.bytes().size()) return;
    const auto group = copy.bytes().first(header->length);
    if (!engine::group_crc_is_right(group, *header)) return;
    auto again = to_input(group);
    ASSERT(engine::seal_group(again.data(), *header) == header->crc);
    ASSERT(std::ranges::equal(again, group));
    check_entries(group.subspan(engine::kGroupHeaderBytes));
}

// The header as it was where it can still be read.
void seal(Input& input) {
    if (input.size() < engine::kGroupHeaderBytes) return;
    auto header = engine::read_group_header(input).value_or(engine::WalGroupHeader{
            .run_bits = 1, .run_number = 1, .sequence = std::to_integer<std::uint8_t>(input[48])});
    // Behind the length there is padding.
    if (header.length < engine::kGroupHeaderBytes || header.length > input.size())
        header.length = static_cast<std::uint32_t>(input.size());
    engine::seal_group(input.data(), header);
}

void put_entry(Input& group, EntryKind kind, Bytes payload) {
    const engine::PartitionKey key{.topic = {{9, 8, 7}}, .partition = 4};
    const auto at = group.size();
    group.resize(at + engine::kEntryHeaderBytes);
    engine::store_entry_header(
            group.data() + at, kind, key, static_cast<std::uint32_t>(payload.size()));
    group.insert(group.end(), payload.begin(), payload.end());
}

std::vector<Input> seeds() {
    std::array<std::byte, engine::kStartLinkBytes> link{};
    engine::store_start_link(link.data(),
                             {.run_bits = 1, .sequence = 2, .run_number = 3, .crc = 4});
    std::array<std::byte, engine::kEpochChangeBytes> change{};
    engine::store_epoch_change(change.data(), {.epoch = 5, .start = engine::Offset(6)});
    std::array<std::byte, engine::kLogStartEntryBytes> start{};
    engine::encode_log_start_entry(engine::Offset(7), start.data());
    const Input batch(100, std::byte{1});
    Input atomic(engine::atomic_table_bytes(2));
    engine::store_atomic_head(atomic.data(), 2);
    engine::store_atomic_row(atomic.data(), 0, {.topic = {{9}}, .partition = 1}, 60);
    engine::store_atomic_row(atomic.data(), 1, {.topic = {{8}}, .partition = 2}, 40);
    atomic.insert(atomic.end(), batch.begin(), batch.end());
    std::vector<Input> all;
    for (const bool first : {true, false}) {
        Input group(engine::kGroupHeaderBytes);
        if (first) put_entry(group, EntryKind::start, link);
        put_entry(group, EntryKind::append, batch);
        put_entry(group, EntryKind::epoch, change);
        put_entry(group, EntryKind::log_start, start);
        put_entry(group, EntryKind::atomic, atomic);
        put_entry(group, EntryKind::empty, {});
        engine::seal_group(group.data(),
                           {.length = static_cast<std::uint32_t>(group.size()),
                            .chain = first ? 0U : 77U,
                            .run_bits = 11,
                            .previous_run_bits = first ? 10U : 0U,
                            .run_number = 2,
                            .sequence = 12,
                            .flushed_sequence = 11,
                            .file_number = 3,
                            .block = 1});
        all.push_back(group);
        group.resize(4096);  // As it lies in its file.
        all.push_back(std::move(group));
    }
    return all;
}

const Registration kRegistration({{.name = "wal-group", .run = run, .seeds = seeds, .seal = seal}});

}  // namespace

}  // namespace millrace::fuzz
