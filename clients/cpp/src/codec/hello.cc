// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "codec/hello.h"

#include "core/bytes.h"

#include <cstring>
#include <span>

namespace millrace::detail {

namespace {

constexpr std::size_t kTextBytesMax = 128;

Error violation(const char* what) {
    return {ErrorCode::protocol_violation, std::string("The broker's greeting ") + what};
}

Result<Greeting> refused(const wire::HelloResponse& fixed, std::string_view message) {
    const auto code = static_cast<ErrorCode>(fixed.error);
    return Error{code, std::string(message.empty() ? sentence_of(code) : message)};
}

}  // namespace

std::vector<std::byte> encode_hello(std::string_view name, std::string_view version) {
    name = name.substr(0, kTextBytesMax);
    version = version.substr(0, kTextBytesMax);
    wire::HelloRequest fixed;
    fixed.name_bytes = static_cast<std::uint16_t>(name.size());
    fixed.version_bytes = static_cast<std::uint16_t>(version.size());
    const auto total = wire::padded(static_cast<std::uint32_t>(
            wire::kFrameHeaderBytes + sizeof fixed + name.size() + version.size()));
    wire::FrameHeader header;
    header.frame_bytes = total - 4;
    header.api = static_cast<std::uint16_t>(wire::Api::hello);
    header.api_version = kApiVersion;
    std::vector<std::byte> frame(total);
    wire::store_frame_header(
            header,
            std::span<std::byte, wire::kFrameHeaderBytes>(frame.data(), wire::kFrameHeaderBytes));
    auto* at = frame.data() + wire::kFrameHeaderBytes;
    std::memcpy(at, &fixed, sizeof fixed);
    at += sizeof fixed;
    std::memcpy(at, name.data(), name.size());
    std::memcpy(at + name.size(), version.data(), version.size());
    return frame;
}

Result<Greeting> decode_hello(const Response& response) {
    if (response.header.api != static_cast<std::uint16_t>(wire::Api::hello)) {
        return violation("is not one");
    }
    if (response.header.table_bytes != 0) return violation("has a table");
    auto rest = response.payload;
    wire::HelloResponse fixed;
    if (rest.size() < sizeof fixed) return violation("is too short");
    std::memcpy(&fixed, rest.data(), sizeof fixed);
    rest = rest.subspan(sizeof fixed);
    const auto ranges_bytes = fixed.api_count * sizeof(wire::ApiRange);
    if (rest.size() < ranges_bytes + fixed.version_bytes + fixed.message_bytes) {
        return violation("is shorter than it says");
    }
    const auto version = text_of(rest.subspan(ranges_bytes, fixed.version_bytes));
    const auto message =
            text_of(rest.subspan(ranges_bytes + fixed.version_bytes, fixed.message_bytes));
    if (fixed.error != 0) return refused(fixed, message);
    if (fixed.authentication != 0) {
        return Error{ErrorCode::authentication_required,
                     "The broker demands authentication, which this library cannot do."};
    }
    if (fixed.request_bytes_max < wire::kFrameBytesMaxBeforeAuthentication ||
        fixed.requests_in_flight_max == 0 || fixed.bytes_in_flight_max == 0) {
        return violation("names impossible limits");
    }
    Greeting greeting;
    std::memcpy(greeting.cluster_id.bytes.data(), fixed.cluster_id.data(), 16);
    greeting.node_id = fixed.node_id;
    greeting.broker_version = version;
    greeting.request_bytes_max = fixed.request_bytes_max;
    greeting.requests_in_flight_max = fixed.requests_in_flight_max;
    greeting.bytes_in_flight_max = fixed.bytes_in_flight_max;
    greeting.apis.resize(fixed.api_count);
    if (ranges_bytes > 0) std::memcpy(greeting.apis.data(), rest.data(), ranges_bytes);
    return greeting;
}

}  // namespace millrace::detail
