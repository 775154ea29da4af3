// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A record batch of each codec, from its check at the append to its last record. What the check
// lets through uncompressed can be read, and what can be read can be written again.
#include "engine/assert.h"
#include "engine/format/batch_builder.h"
#include "engine/format/batch_check.h"
#include "engine/format/batch_reader.h"
#include "engine/format/compression.h"
#include "tests/fuzz/fuzzer.h"

#include <algorithm>
#include <array>

namespace millrace::fuzz {

namespace {

using engine::BatchView;
using engine::Bytes;
using engine::Codec;

constexpr std::size_t kOpenedBytesMax = 256U << 10;

// A record with memory of its own.
struct Record {
    engine::TimestampMs timestamp = -1;
    std::optional<Input> key;
    std::optional<Input> value;
    std::vector<std::pair<Input, std::optional<Input>>> headers;

    bool operator==(const Record&) const = default;
};

std::optional<Input> copy_of(const std::optional<Bytes>& bytes) {
    return bytes ? std::optional(to_input(*bytes)) : std::nullopt;
}

Record copy_of(const engine::BatchReader::Item& item) {
    Record record{.timestamp = item.timestamp,
                  .key = copy_of(item.record.key),
                  .value = copy_of(item.record.value),
                  .headers = {}};
    auto rest = item.record.headers;
    for (std::int32_t i = 0; i < item.record.header_count; ++i) {
        const auto header = engine::take_header(rest);
        ASSERT(header.has_value());
        record.headers.emplace_back(to_input(header->key), copy_of(header->value));
    }
    ASSERT(rest.empty());
    return record;
}

// None: not to be read to its end.
std::optional<std::vector<Record>> read(const BatchView& batch) {
    engine::BatchReader reader;
    if (!reader.open(batch, kOpenedBytesMax)) return std::nullopt;
    std::vector<Record> records;
    auto previous = batch.base_offset() + -1;
    for (;;) {
        const auto item = reader.next();
        if (!item) return std::nullopt;
        if (!*item) return records;
        ASSERT((*item)->offset > previous);
        ASSERT((*item)->offset <= batch.last_offset());
        previous = (*item)->offset;
        records.push_back(copy_of(**item));
    }
}

void append(engine::BatchBuilder& builder, const Record& record) {
    std::vector<engine::HeaderView> headers;
    for (const auto& [key, value] : record.headers)
        headers.push_back({Bytes(key), value ? std::optional(Bytes(*value)) : std::nullopt});
    builder.append({.timestamp = record.timestamp,
                    .key = record.key ? std::optional(Bytes(*record.key)) : std::nullopt,
                    .value = record.value ? std::optional(Bytes(*record.value)) : std::nullopt,
                    .headers = headers});
}

void check_written_again(const std::vector<Record>& records, Codec codec) {
    const auto is_time = [](const Record& record) { return record.timestamp >= 0; };
    if (records.empty() || !std::ranges::all_of(records, is_time)) return;
    engine::BatchBuilder builder;
    for (const auto& record : records)
        append(builder, record);
    const auto bytes = builder.finish(codec);
    ASSERT(bytes.has_value());
    ASSERT(engine::check_batch(*bytes).has_value());
    ASSERT(read(BatchView::trusted(bytes->data())) == records);
}

void check_places(const BatchView& batch) {
    auto copy = to_input(batch.bytes());
    engine::set_batch_append_time(copy.data(), 1'700'000'000'000);
    const auto view = BatchView::trusted(copy.data());
    ASSERT(view.crc_is_right() && view.log_append_time());
    engine::set_batch_max_timestamp(copy.data(), 7);
    ASSERT(view.crc_is_right() && view.max_timestamp() == 7);
    engine::set_batch_place(copy.data(), engine::Offset(9), 3);
    ASSERT(view.crc_is_right() && view.base_offset() == engine::Offset(9));
}

void run(Bytes input) {
    const AlignedCopy copy(input);
    const auto view = BatchView::parse(copy.bytes());
    const auto check = engine::check_batch(copy.bytes());
    if (!view) {
        ASSERT(!check);
        return;
    }
    check_places(*view);
    const auto records = read(*view);
    if (check && view->codec() == Codec::none) {
        ASSERT(records.has_value());
        ASSERT(std::cmp_equal(records->size(), check->record_count));
        ASSERT(std::ranges::max(*records, {}, &Record::timestamp).timestamp ==
               check->max_timestamp);
    }
    if (records && view->codec() <= Codec::zstd) check_written_again(*records, view->codec());
}

template <Codec kCodec>
void seal(Input& input) {
    if (input.size() < engine::kBatchHeaderBytes) return;
    namespace at = engine::batch_at;
    auto* batch = input.data();
    engine::store_big(batch + at::kBatchLength,
                      static_cast<std::int32_t>(input.size() - engine::kBatchPrefixBytes));
    engine::store_big(batch + at::kMagic, engine::kBatchMagic);
    const auto attributes = engine::load_big<std::uint16_t>(batch + at::kAttributes);
    engine::store_big(batch + at::kAttributes,
                      static_cast<std::uint16_t>((attributes & ~engine::kCodecMask) |
                                                 static_cast<std::uint16_t>(kCodec)));
    engine::store_big(batch + at::kCrc, BatchView::trusted(batch).computed_crc());
}

template <Codec kCodec>
std::optional<Input> unpack(Bytes input) {
    const auto view = BatchView::parse(input);
    if (!view || view->codec() != kCodec) return std::nullopt;
    auto opened = to_input(input.first(engine::kBatchHeaderBytes));
    if (!engine::decompress(kCodec, view->records(), kOpenedBytesMax, opened)) return std::nullopt;
    return opened;
}

template <Codec kCodec>
void pack(Input& input) {
    if (input.size() < engine::kBatchHeaderBytes) return;
    auto packed = to_input(Bytes(input).first(engine::kBatchHeaderBytes));
    const auto done =
            engine::compress(kCodec, Bytes(input).subspan(engine::kBatchHeaderBytes), packed);
    ASSERT(done.has_value());
    input = std::move(packed);
    seal<kCodec>(input);
}

std::vector<Record> sample_records() {
    const auto text = [](std::string_view from) {
        return to_input(std::as_bytes(std::span(from)));
    };
    return {{.timestamp = 1'700'000'000'000,
             .key = std::nullopt,
             .value = text("alone"),
             .headers = {}},
            {.timestamp = 1'700'000'000'123,
             .key = text("key"),
             .value = std::nullopt,
             .headers = {{text("trace"), text("0123456789")}, {text("null"), std::nullopt}}},
            {.timestamp = 1'699'999'999'999,
             .key = text(""),
             .value = Input(300, std::byte{'x'}),
             .headers = {}}};
}

template <Codec kCodec>
std::vector<Input> seeds() {
    const auto records = sample_records();
    std::vector<Input> all;
    for (std::size_t count = 1; count <= records.size(); ++count) {
        engine::BatchBuilder builder;
        for (std::size_t i = 0; i < count; ++i)
            append(builder, records[i]);
        const auto bytes = builder.finish(kCodec);
        ASSERT(bytes.has_value());
        all.push_back(to_input(*bytes));
    }
    return all;
}

template <Codec kCodec>
Fuzzer fuzzer(const std::string& codec) {
    Fuzzer result{.name = "batch-" + codec,
                  .run = run,
                  .seeds = seeds<kCodec>,
                  .seal = seal<kCodec>,
                  .unpack = nullptr,
                  .pack = nullptr};
    if constexpr (kCodec != Codec::none) {
        result.unpack = unpack<kCodec>;
        result.pack = pack<kCodec>;
    }
    return result;
}

const Registration kRegistration({fuzzer<Codec::none>("none"),
                                  fuzzer<Codec::gzip>("gzip"),
                                  fuzzer<Codec::snappy>("snappy"),
                                  fuzzer<Codec::lz4>("lz4"),
                                  fuzzer<Codec::zstd>("zstd")});

}  // namespace

}  // namespace millrace::fuzz
