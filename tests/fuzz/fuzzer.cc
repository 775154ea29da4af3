// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzzer.h"

#include <algorithm>
#include <iterator>

namespace millrace::fuzz {

namespace {

std::vector<Fuzzer>& registered() {
    static std::vector<Fuzzer> all;
    return all;
}

}  // namespace

const std::vector<Fuzzer>& fuzzers() {
    return registered();
}

Registration::Registration(std::vector<Fuzzer> added) {
    auto& all = registered();
    std::ranges::move(added, std::back_inserter(all));
    std::ranges::sort(all, {}, &Fuzzer::name);
}

const Fuzzer* find_fuzzer(std::string_view name) {
    const auto found = std::ranges::find(fuzzers(), name, &Fuzzer::name);
    return found == fuzzers().end() ? nullptr : &*found;
}

AlignedCopy::AlignedCopy(engine::Bytes bytes)
        : data_(std::make_unique<std::byte[]>(bytes.size())), size_(bytes.size()) {
    std::ranges::copy(bytes, data_.get());
}

Input to_input(engine::Bytes bytes) {
    return {bytes.begin(), bytes.end()};
}

void put_header(Input& frame, const wire::FrameHeader& header) {
    const std::span<std::byte> bytes(frame);
    wire::store_frame_header(header, bytes.first<wire::kFrameHeaderBytes>());
}

void seal_frame(Input& frame, std::uint8_t flags) {
    frame.resize(wire::padded(static_cast<std::uint32_t>(
            std::max<std::size_t>(frame.size(), wire::kFrameHeaderBytes))));
    auto header = wire::load_frame_header(engine::Bytes(frame).first<wire::kFrameHeaderBytes>());
    header.frame_bytes = static_cast<std::uint32_t>(frame.size()) - 4;
    header.magic = wire::kFrameMagic;
    header.version = wire::kFrameVersion;
    header.flags = flags;
    header.reserved = 0;
    header.table_bytes = std::min(wire::padded(header.table_bytes & 0xFFFFF),
                                  header.frame_bytes - wire::kFrameBytesMin);
    put_header(frame, header);
}

}  // namespace millrace::fuzz
