// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "consumer/part_reader.h"

#include "core/bytes.h"

#include <algorithm>
#include <string>
#include <utility>

namespace millrace::detail {

namespace {

std::optional<std::string_view> text_or_null(const std::optional<engine::Bytes>& bytes) {
    if (!bytes) return std::nullopt;
    return text_of(*bytes);
}

ErrorCode code_of(const engine::Error& error) {
    return error.code == engine::Errc::unsupported_batch ? ErrorCode::unsupported_batch
                                                         : ErrorCode::corrupt_batch;
}

}  // namespace

void PartReader::start(FetchedPart part) {
    part_ = std::move(part);
    position_ = part_.start_offset;
    open_ = false;
}

void PartReader::stop() noexcept {
    part_ = {};
    open_ = false;
}

Error PartReader::failure(ErrorCode code, const char* what) const {
    return {code,
            part_.partition->name.topic + "-" + std::to_string(part_.partition->name.partition) +
                    " at offset " + std::to_string(position_) + ": " + what};
}

Result<void> PartReader::open_batch() {
    const auto batch = engine::BatchView::parse(part_.batches);
    if (!batch) return failure(code_of(batch.error()), "the batch's header is wrong.");
    if (options_.check_crc && !batch->crc_is_right()) {
        return failure(ErrorCode::corrupt_batch, "the batch fails its checksum.");
    }
    compressed_ = batch->codec() != engine::Codec::none;
    // Decompressed bytes may still be in use by the Records of an earlier poll.
    if (!reader_ || shared_) reader_ = std::make_shared<engine::BatchReader>();
    shared_ = false;
    if (const auto opened = reader_->open(*batch, options_.decompressed_bytes_max); !opened) {
        return failure(code_of(opened.error()), "the batch cannot be decompressed.");
    }
    batch_end_ = batch->next_offset().value;
    open_ = true;
    // Control batches hold no records for users.
    if (batch->control()) {
        open_ = false;
        position_ = std::max(position_, batch_end_);
        part_.batches = part_.batches.subspan(batch->size());
    }
    return {};
}

Result<void> PartReader::read_batch(RecordsContent& content, std::size_t records_max) {
    const auto& name = part_.partition->name;
    const auto before = content.records.size();
    Result<void> outcome;
    bool ended = false;
    while (content.records.size() < records_max) {
        const auto item = reader_->next();
        if (!item) {
            outcome = failure(code_of(item.error()), "a record of the batch cannot be read.");
            break;
        }
        if (!item->has_value()) {
            ended = true;
            break;
        }
        const auto& [offset, timestamp, record] = **item;
        if (offset.value < position_) continue;
        position_ = offset.value + 1;
        content.records.push_back(
                {.topic = name.topic,
                 .partition = name.partition,
                 .offset = offset.value,
                 .timestamp_ms = timestamp,
                 .key = text_or_null(record.key),
                 .value = text_or_null(record.value),
                 .headers = HeadersView(text_of(record.headers),
                                        static_cast<std::uint32_t>(record.header_count))});
    }
    if (content.records.size() > before && compressed_) {
        content.memory.push_back(reader_);
        shared_ = true;
    }
    if (ended) {
        const auto batch = engine::BatchView::trusted(part_.batches.data());
        part_.batches = part_.batches.subspan(batch.size());
        position_ = std::max(position_, batch_end_);
        open_ = false;
    }
    return outcome;
}

Result<void> PartReader::read(RecordsContent& content, std::size_t records_max) {
    const auto before = content.records.size();
    Result<void> outcome;
    while (outcome && content.records.size() < records_max) {
        if (!open_ && part_.batches.empty()) {
            if (part_.error.code != ErrorCode::none) outcome = part_.error;
            break;
        }
        if (!open_) outcome = open_batch();
        if (outcome && open_) outcome = read_batch(content, records_max);
    }
    if (content.records.size() > before) {
        content.memory.push_back(part_.memory);
        content.memory.push_back(part_.partition);
    }
    const bool used_up =
            outcome && !open_ && part_.batches.empty() && part_.error.code == ErrorCode::none;
    if (used_up) part_ = {};
    return outcome;
}

}  // namespace millrace::detail
