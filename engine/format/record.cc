// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/record.h"

#include "engine/base/varint.h"

namespace millrace::engine {

namespace {

// Bytes with their length before them; -1 is null where that is allowed.
Result<std::optional<Bytes>> take_bytes(Bytes& from, bool may_be_null) noexcept {
    const auto length = take_varint(from);
    if (!length) return failure(Errc::corrupt_batch);
    if (*length == -1 && may_be_null) return std::optional<Bytes>();
    if (*length < 0 || static_cast<std::size_t>(*length) > from.size()) {
        return failure(Errc::corrupt_batch);
    }
    const auto taken = from.first(static_cast<std::size_t>(*length));
    from = from.subspan(taken.size());
    return std::optional<Bytes>(taken);
}

}  // namespace

Result<HeaderView> take_header(Bytes& from) noexcept {
    HeaderView header;
    TRY(const auto key, take_bytes(from, false));
    TRY(header.value, take_bytes(from, true));
    header.key = *key;
    return header;
}

Result<RecordView> take_record(Bytes& from) noexcept {
    const auto length = take_varint(from);
    if (!length || *length < 1 || static_cast<std::size_t>(*length) > from.size()) {
        return failure(Errc::corrupt_batch);
    }
    Bytes body = from.subspan(1, static_cast<std::size_t>(*length) - 1);  // Attributes: unused.
    from = from.subspan(static_cast<std::size_t>(*length));
    RecordView record;
    const auto timestamp_delta = take_varlong(body);
    const auto offset_delta = take_varint(body);
    if (!timestamp_delta || !offset_delta) return failure(Errc::corrupt_batch);
    record.timestamp_delta = *timestamp_delta;
    record.offset_delta = *offset_delta;
    TRY(record.key, take_bytes(body, true));
    TRY(record.value, take_bytes(body, true));
    const auto header_count = take_varint(body);
    if (!header_count || *header_count < 0) return failure(Errc::corrupt_batch);
    record.header_count = *header_count;
    record.headers = body;
    for (std::int32_t i = 0; i < record.header_count; ++i) {
        TRY(const auto header, take_header(body));
        static_cast<void>(header);
    }
    if (!body.empty()) return failure(Errc::corrupt_batch);
    return record;
}

}  // namespace millrace::engine
