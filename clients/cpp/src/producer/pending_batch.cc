// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "producer/pending_batch.h"

#include "engine/assert.h"
#include "engine/format/batch_reader.h"
#include "producer/sequences.h"

namespace millrace::detail {

Result<engine::Bytes> PendingBatch::encode(Compression compression) {
    if (encoded.empty()) {
        const auto finished = builder.finish(static_cast<engine::Codec>(compression), stamp);
        if (!finished) {
            return Error{ErrorCode::unsupported_batch, "The codec cannot compress the batch."};
        }
        encoded = *finished;
    }
    return encoded;
}

std::size_t PendingBatch::encoded_bytes_max(Compression compression) const noexcept {
    if (compression == Compression::none) return builder.size();
    // Codecs add less than this to what they cannot make smaller.
    return builder.size() + builder.size() / 64 + 1024;
}

void PendingBatch::set_stamp(const engine::ProducerStamp& its_stamp) noexcept {
    stamp = its_stamp;
    encoded = {};
}

void PendingBatch::clear() noexcept {
    builder.clear();
    stamp = {};
    deliveries.clear();
    expected_offset = -1;
    cost = 0;
    not_before = {};
    tries = 0;
    full = false;
    uncertain = false;
    number_unused = false;
    last_error = {};
    encoded = {};
}

namespace {

void append_to(PendingBatch& half, const engine::BatchReader::Item& item, Delivery delivery) {
    std::vector<engine::HeaderView> headers;
    auto rest = item.record.headers;
    for (std::int32_t i = 0; i < item.record.header_count; ++i) {
        const auto header = engine::take_header(rest);
        ASSERT(header.has_value());  // Our own builder wrote it.
        headers.push_back(*header);
    }
    half.builder.append({.timestamp = item.timestamp,
                         .key = item.record.key,
                         .value = item.record.value,
                         .headers = headers});
    half.deliveries.push_back(std::move(delivery));
}

}  // namespace

std::pair<std::unique_ptr<PendingBatch>, std::unique_ptr<PendingBatch>> split(PendingBatch& batch) {
    ASSERT(batch.deliveries.size() > 1);
    const auto plain = batch.builder.finish(engine::Codec::none);
    ASSERT(plain.has_value());
    const auto view = engine::BatchView::trusted(plain->data());
    engine::BatchReader reader;
    const auto opened = reader.open(view, plain->size());
    ASSERT(opened.has_value());
    auto first = std::make_unique<PendingBatch>();
    auto second = std::make_unique<PendingBatch>();
    const auto count = batch.deliveries.size();
    for (std::size_t i = 0; i < count; ++i) {
        const auto item = reader.next();
        ASSERT(item.has_value() && item->has_value());
        append_to(i < count / 2 ? *first : *second, **item, std::move(batch.deliveries[i]));
    }
    for (auto* half : {first.get(), second.get()}) {
        half->sequence = batch.sequence;
        half->flush_epoch = batch.flush_epoch;
        half->created = batch.created;
        half->deadline = batch.deadline;
        half->tries = batch.tries;
        half->full = true;
    }
    if (batch.stamped()) {
        first->stamp = second->stamp = batch.stamp;
        second->stamp.base_sequence =
                sequence_after(batch.stamp.base_sequence, first->builder.record_count());
    }
    first->cost = batch.cost / 2;
    second->cost = batch.cost - first->cost;
    batch.clear();
    return {std::move(first), std::move(second)};
}

}  // namespace millrace::detail
