// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/bench/raw/support.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace millrace::bench {

namespace {

constexpr std::size_t kHugePage = 2U << 20;

}  // namespace

void probe_failed(const char* what, int error) {
    std::fprintf(stderr, "probe: %s: %s\n", what, std::strerror(error));
    std::exit(74);
}

long checked(long result, const char* what) {
    if (result < 0) probe_failed(what, errno);
    return result;
}

HugeMemory::HugeMemory(std::size_t bytes)
        : bytes_((bytes + kHugePage - 1) / kHugePage * kHugePage) {
    void* memory = std::aligned_alloc(kHugePage, bytes_);
    if (memory == nullptr) probe_failed("memory", ENOMEM);
    madvise(memory, bytes_, MADV_HUGEPAGE);
    std::memset(memory, 0x5a, bytes_);
    data_ = static_cast<std::byte*>(memory);
}

HugeMemory::~HugeMemory() {
    std::free(data_);
}

InitialisedFile::InitialisedFile(const std::filesystem::path& directory, std::size_t bytes)
        : path_(directory / ("probe-" + std::to_string(getpid()))), bytes_(bytes) {
    std::filesystem::create_directories(directory);
    constexpr int kFlags = O_RDWR | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC;
    descriptor_ = static_cast<int>(checked(open(path_.c_str(), kFlags, 0600), path_.c_str()));
    constexpr std::size_t kStep = 1U << 20;
    const HugeMemory memory(kStep);
    for (std::size_t at = 0; at < bytes; at += kStep) {
        checked(pwrite(descriptor_, memory.data(), kStep, static_cast<off_t>(at)), "pwrite");
    }
    checked(fsync(descriptor_), "fsync");
}

InitialisedFile::~InitialisedFile() {
    close(descriptor_);
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
}

BusyCores::BusyCores(bool busy) {
    if (!busy) return;
    for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
        threads_.emplace_back([this] {
            while (!stop_.load(std::memory_order_relaxed)) {
            }
        });
    }
}

BusyCores::~BusyCores() {
    stop_ = true;
    for (auto& thread : threads_)
        thread.join();
}

Latency latency_of(std::vector<double>& samples_us) {
    if (samples_us.empty()) return {};
    std::sort(samples_us.begin(), samples_us.end());
    const auto at = [&](double share) {
        const auto last = static_cast<double>(samples_us.size() - 1);
        return samples_us[static_cast<std::size_t>(share * last)];
    };
    return {.p50_us = at(0.50), .p99_us = at(0.99)};
}

}  // namespace millrace::bench
