// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/compression.h"

#include "engine/format/codecs.h"

#include <algorithm>

namespace millrace::engine {

Result<void> compress(Codec codec, Bytes from, std::vector<std::byte>& to) {
    switch (codec) {
        case Codec::none:
            to.insert(to.end(), from.begin(), from.end());
            return {};
        case Codec::gzip:
            return codecs::gzip_compress(from, to);
        case Codec::snappy:
            return codecs::snappy_compress(from, to);
        case Codec::lz4:
            return codecs::lz4_compress(from, to);
        case Codec::zstd:
            return codecs::zstd_compress(from, to);
    }
    return failure(Errc::unsupported_batch);
}

Result<void> decompress(Codec codec,
                        Bytes from,
                        std::size_t bytes_max,
                        std::vector<std::byte>& to) {
    switch (codec) {
        case Codec::none:
            if (from.size() > bytes_max) return failure(Errc::batch_too_large);
            to.insert(to.end(), from.begin(), from.end());
            return {};
        case Codec::gzip:
            return codecs::gzip_decompress(from, bytes_max, to);
        case Codec::snappy:
            return codecs::snappy_decompress(from, bytes_max, to);
        case Codec::lz4:
            return codecs::lz4_decompress(from, bytes_max, to);
        case Codec::zstd:
            return codecs::zstd_decompress(from, bytes_max, to);
    }
    return failure(Errc::unsupported_batch);
}

std::size_t codecs::grow_output(Output& to,
                                std::size_t begin,
                                std::size_t step,
                                std::size_t bytes_max) {
    const auto made = to.size() - begin;
    const auto left = bytes_max - std::min(made, bytes_max);
    const auto more = left < step ? left + 1 : step;
    to.resize(to.size() + more);
    return more;
}

bool codecs::output_is_too_long(const Output& to, std::size_t begin, std::size_t bytes_max) {
    return to.size() - begin > bytes_max;
}

}  // namespace millrace::engine
