// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/handlers/hello.h"

#include "broker/request/api_table.h"
#include "broker/request/call.h"
#include "broker/request/request_context.h"
#include "broker/request/version.h"
#include "engine/assert.h"
#include "schemas/wire/hello.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace millrace::broker {
namespace {

using wire::ErrorCode;

constexpr std::size_t kNameBytesMax = 128;
constexpr std::size_t kMessageBytesMax = 256;
constexpr std::size_t kResponseBytesMax = sizeof(wire::HelloResponse) +
                                          kApiCount * sizeof(wire::ApiRange) + kNameBytesMax +
                                          kMessageBytesMax;

class FixedWriter {
public:
    void put(const void* from, std::size_t size) {
        ASSERT(size <= bytes_.size() - size_);
        std::memcpy(bytes_.data() + size_, from, size);
        size_ += size;
    }

    void put(std::string_view text) { put(text.data(), text.size()); }

    // Padded with zeros to whole units of 8.
    [[nodiscard]] engine::Bytes bytes() const {
        return {bytes_.data(), wire::padded(static_cast<std::uint32_t>(size_))};
    }

private:
    alignas(8) std::array<std::byte, kResponseBytesMax + wire::kFrameAlignment> bytes_{};
    std::size_t size_ = 0;
};

void respond(Call& call, ErrorCode error) {
    auto& cluster = call.context().cluster();
    const auto message =
            error == ErrorCode::none ? std::string_view() : wire::row_of(error).sentence;
    wire::HelloResponse response;
    response.error = static_cast<std::uint16_t>(error);
    response.message_bytes = static_cast<std::uint16_t>(message.size());
    response.api_count = static_cast<std::uint16_t>(kApiCount);
    response.version_bytes = static_cast<std::uint16_t>(kVersion.size());
    response.cluster_id = cluster.cluster_id;
    response.node_id = cluster.options.node_id;
    response.request_bytes_max = cluster.options.request_bytes_max;
    response.requests_in_flight_max = cluster.options.requests_in_flight_max;
    response.bytes_in_flight_max = cluster.options.bytes_in_flight_max;
    response.authentication = 0;

    FixedWriter writer;
    writer.put(&response, sizeof response);
    for (const auto& row : api_table()) {
        wire::ApiRange range;
        range.api = static_cast<std::uint16_t>(row.api);
        range.version_min = row.version_min;
        range.version_max = row.version_max;
        writer.put(&range, sizeof range);
    }
    writer.put(kVersion);
    writer.put(message);
    call.send_fixed(writer.bytes());
}

bool is_zero(engine::Bytes bytes) {
    return std::all_of(
            bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

bool is_well_formed(const IncomingFrame& frame) {
    if (!frame.table.empty() || frame.payload.size() < sizeof(wire::HelloRequest)) return false;
    wire::HelloRequest request;
    std::memcpy(&request, frame.payload.data(), sizeof request);
    if (request.name_bytes > kNameBytesMax || request.version_bytes > kNameBytesMax) return false;
    if (request.reserved != 0) return false;
    const auto rest = frame.payload.subspan(sizeof request);
    const std::size_t texts = std::size_t{request.name_bytes} + request.version_bytes;
    return texts <= rest.size() && rest.size() - texts < wire::kFrameAlignment &&
           is_zero(rest.subspan(texts));
}

}  // namespace

void handle_hello(RequestContext& context, Connection& connection, IncomingFrame&& frame) noexcept {
    Call call;
    call.begin(context, connection, frame.header);
    if (is_well_formed(frame)) {
        connection.said_hello = true;
        if (call.peer() != nullptr) call.peer()->set_authenticated();
        respond(call, ErrorCode::none);
    } else {
        respond(call, ErrorCode::malformed_request);
    }
    call.finish();
}

void refuse_hello(RequestContext& context,
                  Connection& connection,
                  const IncomingFrame& frame) noexcept {
    Call call;
    call.begin(context, connection, frame.header);
    respond(call, ErrorCode::unsupported_version);
    call.finish();
}

}  // namespace millrace::broker
