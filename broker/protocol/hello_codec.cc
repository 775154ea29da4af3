// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/protocol/hello_codec.h"

#include "engine/assert.h"
#include "schemas/wire/frame.h"

#include <algorithm>
#include <cstring>

namespace millrace::broker {

namespace {

std::string_view text_of(engine::Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::optional<Hello> parse_hello(engine::Bytes payload) noexcept {
    wire::HelloRequest request;
    if (payload.size() < sizeof request) return std::nullopt;
    std::memcpy(&request, payload.data(), sizeof request);
    if (request.name_bytes > kHelloTextBytesMax || request.version_bytes > kHelloTextBytesMax) {
        return std::nullopt;
    }
    if (request.reserved != 0) return std::nullopt;
    const auto rest = payload.subspan(sizeof request);
    const std::size_t texts = std::size_t{request.name_bytes} + request.version_bytes;
    if (texts > rest.size() || rest.size() - texts >= wire::kFrameAlignment) return std::nullopt;
    const auto padding = rest.subspan(texts);
    if (std::any_of(padding.begin(), padding.end(), [](std::byte byte) {
            return byte != std::byte{0};
        })) {
        return std::nullopt;
    }
    return Hello{text_of(rest.first(request.name_bytes)),
                 text_of(rest.subspan(request.name_bytes, request.version_bytes))};
}

HelloResponseWriter::HelloResponseWriter(const wire::HelloResponse& response) noexcept {
    put(&response, sizeof response);
}

void HelloResponseWriter::put(const wire::ApiRange& range) noexcept {
    put(&range, sizeof range);
}

void HelloResponseWriter::put(std::string_view text) noexcept {
    put(text.data(), text.size());
}

void HelloResponseWriter::put(const void* from, std::size_t size) noexcept {
    ASSERT(size <= bytes_.size() - size_);
    if (size > 0) std::memcpy(bytes_.data() + size_, from, size);
    size_ += size;
}

engine::Bytes HelloResponseWriter::bytes() const noexcept {
    return {bytes_.data(), wire::padded(static_cast<std::uint32_t>(size_))};
}

}  // namespace millrace::broker
