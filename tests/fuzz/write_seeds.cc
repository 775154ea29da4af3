// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Writes every fuzzer's seeds into a folder of its name below the one given, and prints the names.
#include "tests/fuzz/fuzzer.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

int main(int argc, char** argv) {
    if (argc != 2) {
        fmt::print(stderr, "usage: write_seeds DIRECTORY\n");
        return 2;
    }
    for (const auto& fuzzer : millrace::fuzz::fuzzers()) {
        const auto folder = std::filesystem::path(argv[1]) / fuzzer.name;
        std::filesystem::create_directories(folder);
        std::size_t number = 0;
        for (const auto& seed : fuzzer.seeds()) {
            std::ofstream file(folder / fmt::format("seed-{}", number++), std::ios::binary);
            file.write(reinterpret_cast<const char*>(seed.data()),
                       static_cast<std::streamsize>(seed.size()));
            if (!file.flush()) {
                fmt::print(stderr, "write_seeds: cannot write to {}\n", folder.string());
                return 1;
            }
        }
        fmt::print("{}\n", fuzzer.name);
    }
    return 0;
}
