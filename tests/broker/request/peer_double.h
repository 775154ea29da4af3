// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A connection without a socket, the frames a client would send on it and the answers it got.
#pragma once

#include "broker/net/frame_handler.h"
#include "schemas/wire/api.h"

#include <flatbuffers/flatbuffers.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace millrace::testing {

// One request in memory of its own, as a connection would hand it over.
struct RequestFrame {
    wire::FrameHeader header;
    std::shared_ptr<std::vector<std::uint64_t>> memory;  // 8-aligned.
    std::size_t table_bytes = 0;
    std::size_t payload_bytes = 0;

    [[nodiscard]] broker::IncomingFrame incoming() const;
};

[[nodiscard]] RequestFrame make_frame(wire::Api api,
                                      engine::Bytes table,
                                      engine::Bytes payload,
                                      std::uint8_t flags = 0);
[[nodiscard]] RequestFrame hello_request();

// `pack` builds the root table of the request.
template <class Pack>
RequestFrame request_of(wire::Api api,
                        Pack&& pack,
                        engine::Bytes payload = {},
                        std::uint8_t flags = 0) {
    flatbuffers::FlatBufferBuilder builder;
    builder.Align(8);
    builder.Finish(pack(builder));
    const auto span = builder.GetBufferSpan();
    return make_frame(
            api, {reinterpret_cast<const std::byte*>(span.data()), span.size()}, payload, flags);
}

struct Answer {
    wire::FrameHeader header;
    std::shared_ptr<std::vector<std::uint64_t>> table;
    std::size_t table_bytes = 0;
    std::vector<std::byte> payload;

    [[nodiscard]] engine::Bytes table_span() const {
        return {reinterpret_cast<const std::byte*>(table->data()), table_bytes};
    }

    // Verified as a client would.
    template <class T>
    [[nodiscard]] const T* as() const {
        const auto* data = reinterpret_cast<const std::uint8_t*>(table->data());
        flatbuffers::Verifier verifier(data, table_bytes, 8, 100'000);
        return verifier.VerifyBuffer<T>() ? flatbuffers::GetRoot<T>(data) : nullptr;
    }

    // The code and message every response begins with.
    [[nodiscard]] std::uint16_t error() const;
    [[nodiscard]] std::string message() const;
};

class PeerDouble final : public broker::Peer {
public:
    explicit PeerDouble(std::uint32_t its_shard) : shard(its_shard) {}

    void send(const wire::FrameHeader& header,
              engine::Bytes table,
              std::span<const engine::Slice> payload) noexcept override;
    void finish_request(std::uint32_t frame_bytes) noexcept override;

    void set_authenticated() noexcept override { authenticated = true; }

    void close(std::string_view why, bool send_queued) noexcept override;

    [[nodiscard]] std::uint64_t unsent_bytes() const noexcept override { return unsent; }

    [[nodiscard]] std::string_view local_host() const noexcept override { return "127.0.0.1"; }

    [[nodiscard]] std::uint16_t local_port() const noexcept override { return 9192; }

    [[nodiscard]] std::string_view listener_name() const noexcept override { return "client"; }

    [[nodiscard]] std::string_view remote_name() const noexcept override {
        return "127.0.0.1:40000";
    }

    std::uint32_t shard;
    std::vector<Answer> answers;
    bool record = true;  // Off: answers are only counted, without allocation.
    std::uint64_t answers_counted = 0;
    std::int64_t requests_in_flight = 0;
    std::int64_t bytes_in_flight = 0;
    std::uint64_t unsent = 0;
    bool authenticated = false;
    bool closed = false;
    std::string close_reason;
};

}  // namespace millrace::testing
