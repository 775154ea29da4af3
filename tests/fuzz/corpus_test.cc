// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What fuzzing has found worth keeping, and the seeds it begins with, through every parser.
#include "tests/fuzz/fuzzer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace millrace::fuzz {
namespace {

Input read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_FALSE(file.bad()) << path;
    return to_input(std::as_bytes(std::span(text)));
}

class Corpus : public testing::TestWithParam<Fuzzer> {};

TEST_P(Corpus, IsParsedAndEverythingHoldsThatMust) {
    const char* root = std::getenv("MILLRACE_FUZZ_CORPUS");
    ASSERT_NE(root, nullptr);
    std::size_t inputs = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::path(root) / GetParam().name)) {
        GetParam().run(read_file(entry.path()));
        ++inputs;
    }
    EXPECT_GT(inputs, 0U);
}

TEST_P(Corpus, SeedsAreParsedAndEverythingHoldsThatMust) {
    const auto seeds = GetParam().seeds();
    EXPECT_FALSE(seeds.empty());
    for (const auto& seed : seeds)
        GetParam().run(seed);
}

// Sealing what is right changes nothing that matters, or no mutation would get anywhere.
TEST_P(Corpus, SealedSeedsAreStillParsed) {
    if (GetParam().seal == nullptr) return;
    for (auto seed : GetParam().seeds()) {
        const auto before = seed;
        GetParam().seal(seed);
        EXPECT_EQ(seed, before);
    }
}

INSTANTIATE_TEST_SUITE_P(, Corpus, testing::ValuesIn(fuzzers()), [](const auto& instance) {
    auto name = instance.param.name;
    std::ranges::replace(name, '-', '_');
    return name;
});

}  // namespace
}  // namespace millrace::fuzz
