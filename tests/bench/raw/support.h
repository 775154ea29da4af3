// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Memory, files and threads for the probes. Failures end the program with the call's name: a
// probe that cannot run has no figure.
#pragma once

#include "tests/bench/raw/probe.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace millrace::bench {

using Instant = std::chrono::steady_clock::time_point;

inline Instant now() {
    return std::chrono::steady_clock::now();
}

inline double seconds_since(Instant start) {
    return std::chrono::duration<double>(now() - start).count();
}

[[noreturn]] void probe_failed(const char* what, int error);

// `result` of a system call that returns -1 and sets errno.
long checked(long result, const char* what);

// 2 MiB-aligned memory with huge pages asked for, every page touched.
class HugeMemory {
public:
    explicit HugeMemory(std::size_t bytes);
    ~HugeMemory();
    HugeMemory(const HugeMemory&) = delete;
    HugeMemory& operator=(const HugeMemory&) = delete;

    [[nodiscard]] std::byte* data() const { return data_; }

private:
    std::byte* data_ = nullptr;
    std::size_t bytes_ = 0;
};

// A file of `bytes` whose blocks are written once, opened for direct I/O; removed at the end.
class InitialisedFile {
public:
    InitialisedFile(const std::filesystem::path& directory, std::size_t bytes);
    ~InitialisedFile();
    InitialisedFile(const InitialisedFile&) = delete;
    InitialisedFile& operator=(const InitialisedFile&) = delete;

    [[nodiscard]] int descriptor() const { return descriptor_; }

    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    std::filesystem::path path_;
    int descriptor_ = -1;
    std::size_t bytes_ = 0;
};

// One spinning thread per core while it lives.
class BusyCores {
public:
    explicit BusyCores(bool busy);
    ~BusyCores();
    BusyCores(const BusyCores&) = delete;
    BusyCores& operator=(const BusyCores&) = delete;

private:
    std::atomic<bool> stop_{false};
    std::vector<std::thread> threads_;
};

// p50 and p99 of samples in microseconds; reorders them.
Latency latency_of(std::vector<double>& samples_us);

}  // namespace millrace::bench
