// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "producer/unplaced_record.h"

#include "core/bytes.h"

namespace millrace::detail {

namespace {

std::optional<std::string> owned(const std::optional<engine::Bytes>& bytes) {
    if (!bytes) return std::nullopt;
    return std::string(text_of(*bytes));
}

std::optional<engine::Bytes> borrowed(const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    return bytes_of(*text);
}

}  // namespace

UnplacedRecord::UnplacedRecord(const NewRecord& record, Delivery heard)
        : key(owned(record.parts.key)),
          value(owned(record.parts.value)),
          partition(record.partition),
          timestamp(record.parts.timestamp),
          cost(record.cost),
          delivery(std::move(heard)) {
    for (const auto& header : record.parts.headers) {
        header_list.emplace_back(text_of(header.key), owned(header.value));
    }
}

UnplacedRecord::UnplacedRecord(std::uint32_t its_partition, std::unique_ptr<PendingBatch> whole)
        : partition(its_partition),
          deadline(whole->deadline),
          flush_epoch(whole->flush_epoch),
          batch(std::move(whole)) {}

NewRecord UnplacedRecord::view(std::vector<engine::HeaderView>& headers) const {
    headers.clear();
    for (const auto& [header_key, header_value] : header_list) {
        headers.push_back({bytes_of(header_key), borrowed(header_value)});
    }
    return {.parts = {.timestamp = timestamp,
                      .key = borrowed(key),
                      .value = borrowed(value),
                      .headers = headers},
            .partition = partition,
            .cost = cost};
}

}  // namespace millrace::detail
