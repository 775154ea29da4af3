// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// libFuzzer's side. The variable MILLRACE_FUZZER names the fuzzer; the words of the command line
// are libFuzzer's own.
#include "tests/fuzz/fuzzer.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

// libFuzzer's interface, which has no header that C++ code of this strictness can include.
extern "C" {
int LLVMFuzzerInitialize(int* argc, char*** argv);
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data,
                                    std::size_t size,
                                    std::size_t size_max,
                                    unsigned int seed);
}

namespace {

using millrace::fuzz::Fuzzer;
using millrace::fuzz::Input;

constexpr unsigned kUnsealedOneIn = 8;

const Fuzzer* chosen = nullptr;

millrace::engine::Bytes bytes_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const std::byte*>(data), size};
}

void mutate(Input& input, std::size_t size_max) {
    const auto size = input.size();
    input.resize(std::max(size, size_max));
    auto* data = reinterpret_cast<std::uint8_t*>(input.data());
    input.resize(LLVMFuzzerMutate(data, size, input.size()));
}

}  // namespace

int LLVMFuzzerInitialize(int*, char***) {
    const char* name = std::getenv("MILLRACE_FUZZER");
    chosen = name == nullptr ? nullptr : millrace::fuzz::find_fuzzer(name);
    if (chosen != nullptr) return 0;
    std::fprintf(stderr, "MILLRACE_FUZZER must name one of:\n");
    for (const auto& fuzzer : millrace::fuzz::fuzzers())
        std::fprintf(stderr, "  %s\n", fuzzer.name.c_str());
    std::exit(2);
}

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    chosen->run(bytes_of(data, size));
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data,
                                    std::size_t size,
                                    std::size_t size_max,
                                    unsigned int seed) {
    // Some inputs go in with the wrong lengths and checksums that they happen to have.
    const bool sealed = chosen->seal != nullptr && seed % kUnsealedOneIn != 0;
    if (!sealed) return LLVMFuzzerMutate(data, size, size_max);
    Input input;
    const bool packed = chosen->unpack != nullptr && seed % 2 == 0;
    if (auto opened = packed ? chosen->unpack(bytes_of(data, size)) : std::nullopt) {
        input = std::move(*opened);
        mutate(input, size_max);
        chosen->pack(input);
    } else {
        input = millrace::fuzz::to_input(bytes_of(data, size));
        mutate(input, size_max);
        chosen->seal(input);
    }
    // What has become too long is cut: damaged, as input may be.
    const auto mutated = std::min(input.size(), size_max);
    std::memcpy(data, input.data(), mutated);
    return mutated;
}
