// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "net/frame_reader.h"

#include <cstring>
#include <span>

namespace millrace::detail {

namespace {

Error violation(const char* what) {
    return {ErrorCode::protocol_violation, std::string("The broker sent a frame ") + what};
}

// What is wrong with the header, or null.
const char* wrong_with(const wire::FrameHeader& header, std::uint32_t frame_bytes_max) {
    if (header.magic != wire::kFrameMagic) return "without the protocol's magic number";
    if (header.version != wire::kFrameVersion) return "of an unknown frame version";
    if ((header.flags & ~wire::kFlagsKnown) != 0) return "with unknown flags";
    if ((header.flags & wire::kFlagResponse) == 0) return "that is not a response";
    if (header.frame_bytes < wire::kFrameBytesMin) return "shorter than its header";
    if (header.frame_bytes > frame_bytes_max) return "over the limit";
    if (header.total_bytes() % wire::kFrameAlignment != 0) return "of an odd length";
    if (header.reserved != 0) return "with a reserved field set";
    if (header.table_bytes % wire::kFrameAlignment != 0) return "with a table of an odd length";
    if (header.table_bytes > wire::kTableBytesMax) return "with a table over the limit";
    if (header.table_bytes > header.total_bytes() - wire::kFrameHeaderBytes) {
        return "with a table beyond its end";
    }
    return nullptr;
}

}  // namespace

void FrameReader::start_memory(std::size_t capacity) {
    // new[] of bytes is aligned to 16 and, left uninitialized, touches no page.
    std::shared_ptr<std::byte[]> fresh(new std::byte[capacity]);
    if (available() > 0) std::memcpy(fresh.get(), memory_.get() + begin_, available());
    memory_ = std::move(fresh);
    capacity_ = capacity;
    end_ -= begin_;
    begin_ = 0;
}

engine::MutableBytes FrameReader::room() {
    if (begin_ + wanted_ > capacity_ || end_ == capacity_) {
        start_memory(std::max(wanted_, kChunkBytes));
    }
    // Into a buffer of its own a large frame comes alone: what follows starts a fresh chunk.
    const auto limit = capacity_ > kChunkBytes ? begin_ + wanted_ : capacity_;
    return {memory_.get() + end_, limit - end_};
}

Result<std::optional<Response>> FrameReader::next() {
    if (available() < wire::kFrameHeaderBytes) {
        wanted_ = wire::kFrameHeaderBytes;
        return std::optional<Response>();
    }
    const std::byte* at = memory_.get() + begin_;
    const auto header = wire::load_frame_header(
            std::span<const std::byte, wire::kFrameHeaderBytes>(at, wire::kFrameHeaderBytes));
    if (const char* wrong = wrong_with(header, frame_bytes_max_)) return violation(wrong);
    wanted_ = header.total_bytes();
    if (available() < wanted_) return std::optional<Response>();
    const auto* table = at + wire::kFrameHeaderBytes;
    Response response;
    response.header = header;
    response.table = {table, header.table_bytes};
    response.payload = {table + header.table_bytes, at + wanted_};
    response.memory = memory_;
    begin_ += wanted_;
    wanted_ = wire::kFrameHeaderBytes;
    return std::optional<Response>(std::move(response));
}

}  // namespace millrace::detail
