// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/compression.h"

#include "engine/units.h"
#include "tests/engine/format/batch_bytes.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>

namespace millrace::engine::testing {
namespace {

class Compression : public ::testing::TestWithParam<Codec> {
protected:
    [[nodiscard]] static ByteVector compressed(Bytes bytes) {
        ByteVector to;
        EXPECT_TRUE(compress(GetParam(), bytes, to));
        return to;
    }

    // Nothing: refused.
    [[nodiscard]] static std::optional<ByteVector> opened(Bytes bytes, std::size_t bytes_max) {
        ByteVector to;
        const auto outcome = decompress(GetParam(), bytes, bytes_max, to);
        if (!outcome) {
            const auto code = outcome.error().code;
            EXPECT_TRUE(code == Errc::corrupt_batch || code == Errc::batch_too_large);
            return std::nullopt;
        }
        return to;
    }

    // Half of it can be compressed.
    [[nodiscard]] static ByteVector sample(std::size_t size) {
        std::mt19937 random(static_cast<unsigned>(size));
        ByteVector bytes(size);
        for (std::size_t i = 0; i < size; ++i) {
            bytes[i] = static_cast<std::byte>(i % 64 < 32 ? random() : i / 64);
        }
        return bytes;
    }
};

TEST_P(Compression, GivesBackWhatItTookAtEverySize) {
    for (const std::size_t size : {1U,
                                   2U,
                                   61U,
                                   1'000U,
                                   32'768U,
                                   65'536U,
                                   65'537U,
                                   131'072U,
                                   200'000U,
                                   1'048'576U,
                                   3'000'000U}) {
        const auto bytes = sample(size);
        EXPECT_EQ(opened(compressed(bytes), size), bytes) << size;
    }
}

TEST_P(Compression, AppendsToWhatIsThere) {
    const auto bytes = sample(1'000);
    auto to = from_hex("0102");
    ASSERT_TRUE(compress(GetParam(), bytes, to));
    EXPECT_EQ(ByteVector(to.begin(), to.begin() + 2), from_hex("0102"));
    auto back = from_hex("0304");
    ASSERT_TRUE(decompress(GetParam(), Bytes(to).subspan(2), 1'000, back));
    EXPECT_EQ(back, joined({from_hex("0304"), bytes}));
}

TEST_P(Compression, RefusesOneByteMoreThanAllowed) {
    for (const std::size_t size : {1U, 1'000U, 65'536U, 131'072U, 131'073U, 1'048'576U}) {
        const auto bytes = compressed(sample(size));
        EXPECT_TRUE(opened(bytes, size)) << size;
        EXPECT_FALSE(opened(bytes, size - 1)) << size;
        EXPECT_FALSE(opened(bytes, 0)) << size;
    }
}

// 64 MiB of zeros in very few bytes: memory grows with the limit, never with the claim.
TEST_P(Compression, StopsABombAtTheLimit) {
    constexpr std::size_t kLimit = kMiB;
    const ByteVector zeros(64 * kMiB);
    const auto bomb = compressed(zeros);
    ByteVector to;
    const auto outcome = decompress(GetParam(), bomb, kLimit, to);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::batch_too_large);
    EXPECT_LE(to.size(), kLimit + 1);
    EXPECT_LE(to.capacity(), 2 * kLimit + kMiB);
}

TEST_P(Compression, RefusesEveryPrefix) {
    const auto bytes = sample(2'000);
    const auto whole = compressed(bytes);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        const auto part = opened(Bytes(whole).first(length), 10'000);
        // A stream of snappy blocks has no end mark: whole blocks are fewer records, which the
        // count of the batch finds.
        const bool whole_blocks = GetParam() == Codec::snappy && part && part->empty();
        EXPECT_TRUE(!part || whole_blocks) << length;
    }
}

TEST_P(Compression, RefusesBytesBehindTheEnd) {
    auto bytes = compressed(sample(2'000));
    bytes.push_back(std::byte{0});
    EXPECT_FALSE(opened(bytes, 10'000));
}

TEST_P(Compression, SurvivesDamageAnywhere) {
    const auto whole = compressed(sample(600));
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        auto bytes = whole;
        bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        const auto result = opened(bytes, 10'000);
        EXPECT_TRUE(!result || result->size() <= 10'000U);
    }
}

TEST_P(Compression, RefusesNoise) {
    std::mt19937 random(11);
    for (int round = 0; round < 500; ++round) {
        ByteVector bytes(1 + random() % 100);
        for (auto& byte : bytes)
            byte = static_cast<std::byte>(random());
        const auto result = opened(bytes, 10'000);
        // A bare block of snappy has no magic.
        EXPECT_TRUE(!result || GetParam() == Codec::snappy);
    }
}

std::string name_of_codec(const ::testing::TestParamInfo<Codec>& test) {
    switch (test.param) {
        case Codec::none:
            return "none";
        case Codec::gzip:
            return "gzip";
        case Codec::snappy:
            return "snappy";
        case Codec::lz4:
            return "lz4";
        case Codec::zstd:
            return "zstd";
    }
    return "unknown";
}

INSTANTIATE_TEST_SUITE_P(Codecs,
                         Compression,
                         ::testing::Values(Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd),
                         name_of_codec);

std::string opened_text(Codec codec, std::string_view hex) {
    ByteVector to;
    const auto outcome = decompress(codec, from_hex(hex), 1'000, to);
    return outcome ? text_of(to) : "refused";
}

ByteVector beginning(Codec codec, std::size_t size) {
    ByteVector to;
    EXPECT_TRUE(compress(codec, bytes_of("abcabcabcabcabcabc"), to));
    to.resize(size);
    return to;
}

TEST(CompressionFraming, IsThatOfTheJavaClient) {
    EXPECT_EQ(beginning(Codec::snappy, 16), from_hex("82 53 4e 41 50 50 59 00 00000001 00000001"));
    EXPECT_EQ(beginning(Codec::lz4, 7), from_hex("04 22 4d 18 60 40 82"));
    EXPECT_EQ(beginning(Codec::gzip, 3), from_hex("1f 8b 08"));
    const auto zstd = beginning(Codec::zstd, 5);
    EXPECT_EQ(ByteVector(zstd.begin(), zstd.begin() + 4), from_hex("28 b5 2f fd"));
    // Neither a content size nor a single segment, which implies one.
    EXPECT_EQ(zstd[4] & std::byte{0xe0}, std::byte{0});
}

TEST(CompressionFraming, OpensFramesWrittenByHand) {
    // One literal of three bytes; bare, and in a stream of two blocks.
    EXPECT_EQ(opened_text(Codec::snappy, "03 08 616263"), "abc");
    EXPECT_EQ(opened_text(Codec::snappy,
                          "82534e4150505900 00000001 00000001"
                          "00000005 03 08 616263 00000003 01 00 64"),
              "abcd");
    // One stored block of three bytes, and the end mark.
    EXPECT_EQ(opened_text(Codec::lz4, "04224d18 604082 03000080 616263 00000000"), "abc");
    // One raw block, marked as the last.
    EXPECT_EQ(opened_text(Codec::zstd, "28b52ffd 00 58 190000 616263"), "abc");
    // One stored block, CRC-32 and length.
    EXPECT_EQ(
            opened_text(Codec::gzip, "1f8b0800000000000003 01 0300 fcff 616263 c2412435 03000000"),
            "abc");
}

TEST(CompressionFraming, RefusesWrongChecksumsAndLengths) {
    EXPECT_EQ(opened_text(Codec::lz4, "04224d18 604083 03000080 616263 00000000"), "refused");
    EXPECT_EQ(
            opened_text(Codec::gzip, "1f8b0800000000000003 01 0300 fcff 616263 c3412435 03000000"),
            "refused");
    EXPECT_EQ(
            opened_text(Codec::gzip, "1f8b0800000000000003 01 0300 fcff 616263 c2412435 04000000"),
            "refused");
    EXPECT_EQ(
            opened_text(Codec::snappy, "82534e4150505900 00000001 00000001 00000006 03 08 616263"),
            "refused");
}

// Few bytes that claim to be many: refused before memory is taken for them.
TEST(CompressionFraming, DoesNotBelieveClaims) {
    ByteVector to;
    EXPECT_FALSE(decompress(Codec::snappy, from_hex("8080808002 08 616263"), kGiB, to));
    EXPECT_EQ(to.capacity(), 0U);
    // Window of 2 GiB in a zstd frame header.
    EXPECT_EQ(opened_text(Codec::zstd, "28b52ffd 00 a8 190000 616263"), "refused");
}

TEST(CompressionFraming, NoCodecIsNoBytes) {
    ByteVector to;
    EXPECT_TRUE(decompress(Codec::none, bytes_of("abc"), 3, to));
    EXPECT_EQ(text_of(to), "abc");
    EXPECT_FALSE(decompress(Codec::none, bytes_of("abc"), 2, to));
    const auto unknown = decompress(static_cast<Codec>(5), bytes_of("abc"), 3, to);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, Errc::unsupported_batch);
    EXPECT_FALSE(compress(static_cast<Codec>(7), bytes_of("abc"), to));
}

}  // namespace
}  // namespace millrace::engine::testing
