// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/codecs.h"

#include <lz4frame.h>
#include <memory>

namespace millrace::engine::codecs {

namespace {

constexpr std::size_t kStep = 64 * 1024UL;

struct FreeContext {
    void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};

}  // namespace

Result<void> lz4_compress(Bytes from, Output& to) {
    LZ4F_preferences_t preferences{};
    preferences.frameInfo.blockSizeID = LZ4F_max64KB;
    preferences.frameInfo.blockMode = LZ4F_blockIndependent;
    const auto begin = to.size();
    to.resize(begin + LZ4F_compressFrameBound(from.size(), &preferences));
    const auto written = LZ4F_compressFrame(
            to.data() + begin, to.size() - begin, from.data(), from.size(), &preferences);
    if (LZ4F_isError(written) != 0) return failure(Errc::unsupported_batch);
    to.resize(begin + written);
    return {};
}

Result<void> lz4_decompress(Bytes from, std::size_t bytes_max, Output& to) {
    LZ4F_dctx* raw = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&raw, LZ4F_VERSION)) != 0) {
        return failure(Errc::corrupt_batch);
    }
    const std::unique_ptr<LZ4F_dctx, FreeContext> context(raw);
    const auto begin = to.size();
    std::size_t wanted = 1;
    while (wanted != 0) {
        const auto room = grow_output(to, begin, kStep, bytes_max);
        std::size_t produced = room;
        std::size_t consumed = from.size();
        wanted = LZ4F_decompress(context.get(),
                                 to.data() + to.size() - room,
                                 &produced,
                                 from.data(),
                                 &consumed,
                                 nullptr);
        to.resize(to.size() - room + produced);
        if (LZ4F_isError(wanted) != 0) return failure(Errc::corrupt_batch);
        if (output_is_too_long(to, begin, bytes_max)) return failure(Errc::batch_too_large);
        if (consumed == 0 && produced == 0 && wanted != 0) return failure(Errc::corrupt_batch);
        from = from.subspan(consumed);
    }
    if (!from.empty()) return failure(Errc::corrupt_batch);
    return {};
}

}  // namespace millrace::engine::codecs
