// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/broker/request/peer_double.h"

#include "schemas/common_generated.h"
#include "schemas/wire/hello.h"

#include <gtest/gtest.h>

#include <cstring>

namespace millrace::testing {

namespace {

std::uint32_t next_correlation() {
    static std::uint32_t last = 0;
    return ++last;
}

// A buffer that gives itself back to the heap.
struct OwnedBuffer {
    broker::ReceiveBuffer buffer;
    std::shared_ptr<std::vector<std::uint64_t>> memory;
};

broker::ReceiveRef own(const std::shared_ptr<std::vector<std::uint64_t>>& memory) {
    auto owned = std::make_unique<OwnedBuffer>();
    owned->memory = memory;
    owned->buffer.pool = owned.get();
    owned->buffer.data = reinterpret_cast<std::byte*>(memory->data());
    owned->buffer.give_back = [](broker::ReceiveBuffer& buffer) noexcept {
        const std::unique_ptr<OwnedBuffer> freed(static_cast<OwnedBuffer*>(buffer.pool));
    };
    return broker::ReceiveRef(&owned.release()->buffer);
}

}  // namespace

broker::IncomingFrame RequestFrame::incoming() const {
    // The test may send the same frame again: each has a copy that dies with its last reference,
    // so that a sanitizer sees every read beyond it.
    auto copy = std::make_shared<std::vector<std::uint64_t>>(*memory);
    const auto* data = reinterpret_cast<const std::byte*>(copy->data());
    broker::IncomingFrame frame;
    frame.header = header;
    frame.table = {data, table_bytes};
    frame.payload = {data + table_bytes, payload_bytes};
    frame.buffer = own(copy);
    return frame;
}

RequestFrame make_frame(wire::Api api,
                        engine::Bytes table,
                        engine::Bytes payload,
                        std::uint8_t flags) {
    RequestFrame frame;
    const auto table_bytes = wire::padded(static_cast<std::uint32_t>(table.size()));
    const auto payload_bytes = wire::padded(static_cast<std::uint32_t>(payload.size()));
    frame.memory = std::make_shared<std::vector<std::uint64_t>>((table_bytes + payload_bytes) / 8);
    auto* data = reinterpret_cast<std::byte*>(frame.memory->data());
    if (!table.empty()) std::memcpy(data, table.data(), table.size());
    if (!payload.empty()) std::memcpy(data + table_bytes, payload.data(), payload.size());
    frame.table_bytes = table_bytes;
    frame.payload_bytes = payload_bytes;
    frame.header.api = static_cast<std::uint16_t>(api);
    frame.header.api_version = 1;
    frame.header.flags = flags;
    frame.header.correlation_id = next_correlation();
    frame.header.table_bytes = table_bytes;
    frame.header.frame_bytes = wire::kFrameBytesMin + table_bytes + payload_bytes;
    return frame;
}

RequestFrame hello_request() {
    wire::HelloRequest request;
    request.name_bytes = 4;
    request.version_bytes = 3;
    std::vector<std::byte> bytes(sizeof request + 7);
    std::memcpy(bytes.data(), &request, sizeof request);
    std::memcpy(bytes.data() + sizeof request, "test1.0", 7);
    return make_frame(wire::Api::hello, {}, bytes);
}

std::uint16_t Answer::error() const {
    const auto* head = as<wire::ResponseHead>();
    return head == nullptr ? 0xFFFF : head->error();
}

std::string Answer::message() const {
    const auto* head = as<wire::ResponseHead>();
    return head == nullptr || head->message() == nullptr ? "" : head->message()->str();
}

void PeerDouble::send(const wire::FrameHeader& header,
                      engine::Bytes table,
                      std::span<const engine::Slice> payload) noexcept {
    EXPECT_FALSE(closed) << "an answer to a closed connection";
    ++answers_counted;
    if (!record) return;
    auto& answer = answers.emplace_back();
    answer.header = header;
    EXPECT_EQ(table.size() % 8, 0U);
    answer.table = std::make_shared<std::vector<std::uint64_t>>(table.size() / 8 + 1);
    std::memcpy(answer.table->data(), table.data(), table.size());
    answer.table_bytes = header.table_bytes;
    if (header.table_bytes == 0) answer.payload.assign(table.begin(), table.end());
    for (const auto& slice : payload) {
        answer.payload.insert(answer.payload.end(), slice.data, slice.data + slice.size);
    }
}

void PeerDouble::finish_request(std::uint32_t frame_bytes) noexcept {
    --requests_in_flight;
    bytes_in_flight -= frame_bytes;
    EXPECT_GE(requests_in_flight, 0);
    EXPECT_GE(bytes_in_flight, 0);
}

void PeerDouble::close(std::string_view why, bool) noexcept {
    close_reason = why;
}

}  // namespace millrace::testing
