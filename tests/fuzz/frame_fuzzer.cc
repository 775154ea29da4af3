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

constexpr std::size_t kFilledBytes = 140U << 10;

// What the first byte of an input decides.
constexpr std::uint8_t kAuthenticated = 0x80;
constexpr std::uint8_t kFilled = 0x40;
constexpr std::uint8_t kHeld = 0x20;    // Frames are looked at later, as requests in flight are.
constexpr std::uint8_t kScarce = 0x10;  // Somebody else has all memory, until it is missed.
constexpr std::uint8_t kPieceBits = 0x0F;

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
    static broker::ReceiveBudget budget(512U << 10, post);
    static broker::ReceiveBudget handshake(64U << 10, post);
    static broker::ReceivePool pool(0, budget, handshake);
    return pool;
}

std::vector<broker::ReceiveRef> take_all_memory() {
    std::vector<broker::ReceiveRef> taken;
    while (auto* const buffer = pool().take_chunk())
        taken.emplace_back(buffer);
    while (auto* const buffer = pool().take_handshake())
        taken.emplace_back(buffer);
    return taken;
}

Seen assemble(engine::Bytes stream, std::uint8_t choice, std::size_t piece) {
    broker::FrameAssembler assembler(pool());
    if ((choice & kAuthenticated) != 0) assembler.set_authenticated(kFrameBytesMax);
    Seen seen;
    std::vector<broker::ReceiveRef> hoard;
    std::vector<broker::IncomingFrame> held;
    const auto look_at_held = [&] {
        for (const auto& frame : held)
            seen.frames.push_back(frame_of(frame.header, frame.table, frame.payload));
        held.clear();
    };
    while (!stream.empty()) {
        auto space = assembler.space();
        if (space.empty()) {
            look_at_held();
            hoard.clear();
            space = assembler.space();
        }
        ASSERT(!space.empty());
        const auto size = std::min({space.size(), stream.size(), piece});
        std::memcpy(space.data(), stream.data(), size);
        assembler.received(size);
        if ((choice & kScarce) != 0 && seen.frames.empty() && hoard.empty())
            hoard = take_all_memory();
        stream = stream.subspan(size);
        broker::IncomingFrame frame;
        auto status = assembler.next(frame);
        for (; status == DecodeStatus::whole; status = assembler.next(frame)) {
            ASSERT(reinterpret_cast<std::uintptr_t>(frame.table.data()) % wire::kFrameAlignment ==
                   0);
            held.push_back(std::move(frame));
            if ((choice & kHeld) == 0 || held.size() > 20) look_at_held();
        }
        ASSERT(assembler.missing() <= kFrameBytesMax);
        seen.malformed = status == DecodeStatus::malformed;
        if (seen.malformed) break;
        // A connection does so at the end of a turn of reading, which may take several pieces.
        if (!assembler.partial() && (choice & kHeld) == 0) assembler.rest();
    }
    look_at_held();
    return seen;
}

// What comes need not be in the input. A frame that is not whole gets zeros and is followed by all
// that came; whole ones come again, until no chunk holds them.
void fill(Input& stream, std::uint32_t frame_bytes_max) {
    const auto given = stream;
    const auto first = broker::decode_frame(stream, frame_bytes_max);
    if (first.status == DecodeStatus::incomplete)
        stream.resize(std::max<std::size_t>(stream.size(), first.needed_bytes));
    if (first.status == DecodeStatus::malformed || given.empty()) return;
    const std::size_t enough =
            stream.size() + (first.status == DecodeStatus::whole ? kFilledBytes : 1);
    while (stream.size() < enough)
        stream.insert(stream.end(), given.begin(), given.end());
}

void run(engine::Bytes input) {
    if (input.empty()) return;
    const auto choice = std::to_integer<std::uint8_t>(input[0]);
    const bool authenticated = (choice & kAuthenticated) != 0;
    const auto limit = authenticated ? kFrameBytesMax : wire::kFrameBytesMaxBeforeAuthentication;
    Input stream = to_input(input.subspan(1));
    if ((choice & kFilled) != 0) fill(stream, limit);
    const std::size_t bits = choice & kPieceBits;
    // Byte by byte only what is short.
    const auto piece = stream.size() < 4096 ? bits * bits + 1 : (bits + 1) * 4096;
    ASSERT(assemble(stream, choice, piece) == decode_whole(stream, limit));
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
        for (const auto choice : {std::byte{0x00},
                                  std::byte{0x85},
                                  std::byte{0xA1},
                                  std::byte{0x92},
                                  std::byte{0xE0},
                                  std::byte{0x47}}) {
            Input input{large ? choice | std::byte{kFilled} : choice};
            input.insert(input.end(), frame.begin(), frame.end());
            if (!large) input.insert(input.end(), frame.begin(), frame.end());
            all.push_back(std::move(input));
        }
    }
    return all;
}

const Registration kRegistration({{.name = "frame", .run = run, .seeds = seeds}});

}  // namespace

}  // namespace millrace::fuzz
