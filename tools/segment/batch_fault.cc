// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/segment/batch_fault.h"

#include <fmt/format.h>

namespace millrace::segment {

std::optional<std::string> fault_of(const engine::BatchView& batch,
                                    engine::BatchReader& reader,
                                    std::uint64_t& records) {
    records = 0;
    if (!batch.crc_is_right()) {
        return fmt::format("the checksum is {:08x}, that of the bytes {:08x}",
                           batch.crc(),
                           batch.computed_crc());
    }
    const auto codec = batch.attributes() & engine::kCodecMask;
    if (codec > static_cast<int>(engine::Codec::zstd)) {
        return fmt::format("codec {} is not known", codec);
    }
    if (const auto opened = reader.open(batch, kBatchBytesMax); !opened) {
        return opened.error().code == engine::Errc::batch_too_large
                       ? "the records decompress to more than 1 GiB"
                       : "the records do not decompress";
    }
    for (;;) {
        const auto item = reader.next();
        if (!item) return fmt::format("record {} of the batch is not whole", records + 1);
        if (!*item) return std::nullopt;
        ++records;
    }
}

}  // namespace millrace::segment
