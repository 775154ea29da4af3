// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A connection's bytes, in pieces of any size: the assembler must give out exactly the frames that
// the decoder sees in the whole, and stop where it stops.
#include "broker/net/frame_assembler.h"
#include "engine/assert.h"
#include "engine/shard_post.h"
#include "tests/fuzz/fuzzer.h"

#include <algorithm>
#include <cstring>

namespace millrace::fuzz {

namespace {

using broker::DecodeStatus;

constexpr std::uint32_t kFrameBytesMax = 80U << 10;  // Small frames share chunks up to 56 KiB.

// What the first byte of an input decides.
constexpr std::uint8_t kAuthenticated = 0x80;
constexpr std::uint8_t kFilled = 0x40;
constexpr std::uint8_t kPieceBits = 0x3F;

struct NoPost final : engine::ShardPost {
    void post(std::uint32_t, engine::PostedTask&) noexcept override {}

    [[nodiscard]] std::uint32_t shard_count() const noexcept override { return 1; }
};

struct Seen {
    std::vector<Input> frames;
    bool malformed = false;

    bool operator==(const Seen&) const = default;
};

Input frame_of(const wire::FrameHeader& header, engine::Bytes table, engine::Bytes payload) {
    Input frame(wire::kFrameHeaderBytes);
    put_header(frame, header);
    frame.insert(frame.end(), table.begin(), table.end());
    frame.insert(frame.end(), payload.begin(), payload.end());
    return frame;
}

Seen decode_whole(engine::Bytes stream, std::uint32_t frame_bytes_max) {
    Seen seen;
    for (;;) {
        const auto frame = broker::decode_frame(stream, frame_bytes_max);
        seen.malformed = frame.status == DecodeStatus::malformed;
        if (seen.malformed) {
            ASSERT(!frame.reason.empty());
            static_cast<void>(broker::protocol_hint(stream));
        }
        if (frame.status != DecodeStatus::whole) return seen;
        seen.frames.push_back(frame_of(frame.header, frame.table, frame.payload));
        stream = stream.subspan(frame.needed_bytes);
    }
}

broker::ReceivePool& pool() {
    static NoPost post;
    static broker::ReceiveBudget budget(64U << 20, post);
    static broker::ReceiveBudget handshake(4U << 20, post);
    static broker::ReceivePool pool(0, budget, handshake);
    return pool;
}

Seen assemble(engine::Bytes stream, bool authenticated, std::size_t piece) {
    broker::FrameAssembler assembler(pool());
    if (authenticated) assembler.set_authenticated(kFrameBytesMax);
    Seen seen;
    while (!stream.empty()) {
        const auto space = assembler.space();
        ASSERT(!space.empty());
        const auto size = std::min({space.size(), stream.size(), piece});
        std::memcpy(space.data(), stream.data(), size);
        assembler.received(size);
        stream = stream.subspan(size);
        broker::IncomingFrame frame;
        auto status = assembler.next(frame);
        for (; status == DecodeStatus::whole; status = assembler.next(frame)) {
            ASSERT(reinterpret_cast<std::uintptr_t>(frame.table.data()) % wire::kFrameAlignment ==
                   0);
            seen.frames.push_back(frame_of(frame.header, frame.table, frame.payload));
        }
        ASSERT(assembler.missing() <= kFrameBytesMax);
        seen.malformed = status == DecodeStatus::malformed;
        if (seen.malformed) return seen;
        assembler.rest();
    }
    return seen;
}

void run(engine::Bytes input) {
    if (input.empty()) return;
    const auto choice = std::to_integer<std::uint8_t>(input[0]);
    const bool authenticated = (choice & kAuthenticated) != 0;
    const auto limit = authenticated ? kFrameBytesMax : wire::kFrameBytesMaxBeforeAuthentication;
    Input stream = to_input(input.subspan(1));
    // A large frame need not be in the input: zeros make it whole, and all comes once more.
    if (const auto first = broker::decode_frame(stream, limit);
        (choice & kFilled) != 0 && first.status == DecodeStatus::incomplete) {
        stream.resize(std::max<std::size_t>(stream.size(), first.needed_bytes));
        stream.insert(stream.end(), input.begin() + 1, input.end());
    }
    const std::size_t bits = choice & kPieceBits;
    const auto piece = bits < 32 ? bits + 1 : bits * 4096;
    ASSERT(assemble(stream, authenticated, piece) == decode_whole(stream, limit));
}

std::vector<Input> seeds() {
    std::vector<Input> all;
    for (const std::uint32_t payload_bytes : {0U, 8U, 104U, 2048U, 70'000U}) {
        wire::FrameHeader header;
        header.api = 1;
        header.api_version = 1;
        header.frame_bytes = wire::kFrameBytesMin + 16 + payload_bytes;
        header.table_bytes = 16;
        const bool large = payload_bytes > 4096;
        const Input body(16 + (large ? 64 : payload_bytes), std::byte{7});
        const auto frame = frame_of(header, body, {});
        for (const auto choice : {std::byte{0x00}, std::byte{0x85}, std::byte{0xA1}}) {
            Input input{large ? choice | std::byte{kFilled} : choice};
            input.insert(input.end(), frame.begin(), frame.end());
            if (!large) input.insert(input.end(), frame.begin(), frame.end());
            all.push_back(std::move(input));
        }
    }
    return all;
}

const Registration registration({{.name = "frame", .run = run, .seeds = seeds}});

}  // namespace

}  // namespace millrace::fuzz
