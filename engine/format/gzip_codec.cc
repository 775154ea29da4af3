// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/codecs.h"

#include <climits>
#include <zlib.h>

namespace millrace::engine::codecs {

namespace {

constexpr int kGzipWindow = 15 + 16;  // The largest window, with gzip's own header and trailer.
constexpr std::size_t kStep = 64 * 1024UL;

void set_input(z_stream& stream, Bytes from) {
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(from.data()));
    stream.avail_in = static_cast<uInt>(from.size());
}

}  // namespace

Result<void> gzip_compress(Bytes from, Output& to) {
    if (from.size() > UINT_MAX / 2) return failure(Errc::unsupported_batch);
    z_stream stream{};
    if (deflateInit2(
                &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        return failure(Errc::unsupported_batch);
    }
    const auto begin = to.size();
    to.resize(begin + deflateBound(&stream, static_cast<uLong>(from.size())));
    set_input(stream, from);
    stream.next_out = reinterpret_cast<Bytef*>(to.data() + begin);
    stream.avail_out = static_cast<uInt>(to.size() - begin);
    const int outcome = deflate(&stream, Z_FINISH);
    to.resize(begin + stream.total_out);
    deflateEnd(&stream);
    if (outcome != Z_STREAM_END) return failure(Errc::unsupported_batch);
    return {};
}

Result<void> gzip_decompress(Bytes from, std::size_t bytes_max, Output& to) {
    if (from.size() > UINT_MAX / 2) return failure(Errc::corrupt_batch);
    z_stream stream{};
    if (inflateInit2(&stream, kGzipWindow) != Z_OK) return failure(Errc::corrupt_batch);
    set_input(stream, from);
    const auto begin = to.size();
    int outcome = Z_OK;
    while (outcome == Z_OK) {
        const auto room = grow_output(to, begin, kStep, bytes_max);
        stream.next_out = reinterpret_cast<Bytef*>(to.data() + to.size() - room);
        stream.avail_out = static_cast<uInt>(room);
        outcome = inflate(&stream, Z_NO_FLUSH);
        to.resize(to.size() - stream.avail_out);
        if (output_is_too_long(to, begin, bytes_max)) break;
        if (outcome == Z_OK && stream.avail_in == 0 && stream.avail_out != 0) break;  // Cut off.
    }
    const bool whole = outcome == Z_STREAM_END && stream.avail_in == 0;
    inflateEnd(&stream);
    if (output_is_too_long(to, begin, bytes_max)) return failure(Errc::batch_too_large);
    if (!whole) return failure(Errc::corrupt_batch);
    return {};
}

}  // namespace millrace::engine::codecs
