// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/codecs.h"

#include <memory>
#include <zstd.h>

namespace millrace::engine::codecs {

namespace {

constexpr std::size_t kStep = 128 * 1024UL;
// Larger windows would let a small frame ask for much memory.
constexpr int kWindowLogMax = 23;

struct FreeCompressor {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

struct FreeDecompressor {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

// A context has a megabyte and more of tables: making one for every batch would cost more than most
// batches do. Each thread that needs one keeps it.
Result<void> zstd_compress(Bytes from, Output& to) {
    thread_local const std::unique_ptr<ZSTD_CCtx, FreeCompressor> context(ZSTD_createCCtx());
    if (!context) return failure(Errc::unsupported_batch);
    ZSTD_CCtx_reset(context.get(), ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0);
    const auto begin = to.size();
    to.resize(begin + ZSTD_compressBound(from.size()));
    const auto written = ZSTD_compress2(
            context.get(), to.data() + begin, to.size() - begin, from.data(), from.size());
    if (ZSTD_isError(written) != 0) return failure(Errc::unsupported_batch);
    to.resize(begin + written);
    return {};
}

Result<void> zstd_decompress(Bytes from, std::size_t bytes_max, Output& to) {
    thread_local const std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context(ZSTD_createDCtx());
    if (!context) return failure(Errc::corrupt_batch);
    ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_and_parameters);
    ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kWindowLogMax);
    const auto begin = to.size();
    ZSTD_inBuffer input{.src = from.data(), .size = from.size(), .pos = 0};
    std::size_t wanted = 1;
    while (wanted != 0) {
        const auto room = grow_output(to, begin, kStep, bytes_max);
        ZSTD_outBuffer output{.dst = to.data() + to.size() - room, .size = room, .pos = 0};
        wanted = ZSTD_decompressStream(context.get(), &output, &input);
        to.resize(to.size() - room + output.pos);
        if (ZSTD_isError(wanted) != 0) return failure(Errc::corrupt_batch);
        if (output_is_too_long(to, begin, bytes_max)) return failure(Errc::batch_too_large);
        const bool cut_off = input.pos == input.size && output.pos < output.size;
        if (wanted != 0 && cut_off) return failure(Errc::corrupt_batch);
    }
    if (input.pos != input.size) return failure(Errc::corrupt_batch);
    return {};
}

}  // namespace millrace::engine::codecs
