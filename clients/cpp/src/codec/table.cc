// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "codec/table.h"

#include "codec/hello.h"
#include "engine/base/byte_order.h"

#include <cstring>

namespace millrace::detail {

wire::Uuid to_wire(const Uuid& id) {
    const auto* bytes = reinterpret_cast<const std::byte*>(id.bytes.data());
    return {engine::load_big<std::uint64_t>(bytes), engine::load_big<std::uint64_t>(bytes + 8)};
}

Uuid from_wire(const wire::Uuid& id) {
    Uuid result;
    auto* bytes = reinterpret_cast<std::byte*>(result.bytes.data());
    engine::store_big(bytes, id.high());
    engine::store_big(bytes + 8, id.low());
    return result;
}

EncodedRequest finish_request(flatbuffers::FlatBufferBuilder& builder,
                              wire::Api api,
                              std::uint32_t payload_bytes,
                              bool one_way) {
    const auto table_bytes = wire::padded(builder.GetSize());
    wire::FrameHeader header;
    header.frame_bytes = wire::kFrameHeaderBytes + table_bytes + wire::padded(payload_bytes) - 4;
    header.flags = one_way ? wire::kFlagOneWay : 0;
    header.api = static_cast<std::uint16_t>(api);
    header.api_version = kApiVersion;
    header.table_bytes = table_bytes;
    EncodedRequest request;
    request.api = api;
    request.payload_bytes = payload_bytes;
    request.head.resize(wire::kFrameHeaderBytes + table_bytes);
    wire::store_frame_header(header,
                             std::span<std::byte, wire::kFrameHeaderBytes>(
                                     request.head.data(), wire::kFrameHeaderBytes));
    std::memcpy(request.head.data() + wire::kFrameHeaderBytes,
                builder.GetBufferPointer(),
                builder.GetSize());
    return request;
}

Error malformed_response(const char* what) {
    return {ErrorCode::protocol_violation, std::string("The broker's answer holds ") + what + "."};
}

std::string TextBudget::take(const flatbuffers::String* text) {
    if (text == nullptr) return {};
    if (text->size() > left_) {
        overdrawn_ = true;
        return {};
    }
    left_ -= text->size();
    return text->str();
}

}  // namespace millrace::detail
