// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Bytes of batches for tests: written out by hand, or built and then damaged.
#pragma once

#include "engine/base/byte_order.h"
#include "engine/format/record_batch.h"

#include <string>
#include <string_view>
#include <vector>

namespace millrace::engine::testing {

using ByteVector = std::vector<std::byte>;

// "04 22" or "0422"; spaces are for the reader.
inline ByteVector from_hex(std::string_view text) {
    ByteVector bytes;
    std::string digits;
    for (const auto letter : text) {
        if (letter == ' ') continue;
        digits += letter;
        if (digits.size() < 2) continue;
        bytes.push_back(static_cast<std::byte>(std::stoi(digits, nullptr, 16)));
        digits.clear();
    }
    return bytes;
}

inline ByteVector joined(std::initializer_list<ByteVector> parts) {
    ByteVector whole;
    for (const auto& part : parts)
        whole.insert(whole.end(), part.begin(), part.end());
    return whole;
}

inline Bytes bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

inline std::string text_of(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Makes the checksum right again, so that a test sees the check behind it.
inline void renew_checksum(ByteVector& batch) {
    store_big(batch.data() + batch_at::kCrc, BatchView::trusted(batch.data()).computed_crc());
}

// One field of the header changed, and the checksum right for it.
template <class T>
ByteVector with_field(ByteVector batch, std::uint32_t position, T value) {
    store_big(batch.data() + position, value);
    renew_checksum(batch);
    return batch;
}

// These records in place of the batch's own; the header says that there are `count`.
inline ByteVector with_records_of(ByteVector batch, std::string_view hex, std::int32_t count) {
    batch.resize(kBatchHeaderBytes);
    batch = joined({batch, from_hex(hex)});
    store_big(batch.data() + batch_at::kBatchLength,
              static_cast<std::int32_t>(batch.size() - kBatchPrefixBytes));
    store_big(batch.data() + batch_at::kLastOffsetDelta, count - 1);
    store_big(batch.data() + batch_at::kRecordCount, count);
    renew_checksum(batch);
    return batch;
}

// Two records of 1700000000000 and 5 ms later: (k1 = v1, header h = x) and (k2 = null).
inline ByteVector two_records() {
    return from_hex(
            "0000000000000000 00000049 00000000 02 f1759baf 0000 00000001"
            "0000018bcfe56800 0000018bcfe56805 ffffffffffffffff ffff ffffffff 00000002"
            // length 14, attributes, time +0, offset +0, "k1", "v1", one header "h" = "x"
            "1c 00 00 00 04 6b31 04 7631 02 02 68 02 78"
            // length 8, attributes, time +5, offset +1, "k2", null, no header
            "10 00 0a 02 04 6b32 01 00");
}

// A transaction's data batch of producer 4711 and its COMMIT marker.
inline ByteVector transactional_batch() {
    return from_hex(
            "0000000000000002 00000039 00000000 02 94228149 0010 00000000"
            "0000018bcfe56806 0000018bcfe56806 0000000000001267 0003 00000000 00000001"
            "0e 00 00 00 01 02 74 00");
}

inline ByteVector commit_marker() {
    return from_hex(
            "0000000000000003 00000042 00000000 02 17e62f49 0030 00000000"
            "0000018bcfe56807 0000018bcfe56807 0000000000001267 0003 ffffffff 00000001"
            "20 00 00 00 08 00000001 0c 000000000009 00");
}

// What compaction leaves of offsets 4 to 7 when no record is kept.
inline ByteVector emptied_batch() {
    return from_hex(
            "0000000000000004 00000031 00000000 02 e87d791b 0000 00000003"
            "ffffffffffffffff 0000018bcfe56809 0000000000001267 0003 00000001 00000000");
}

}  // namespace millrace::engine::testing
