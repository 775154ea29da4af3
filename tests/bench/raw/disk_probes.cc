// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/bench/raw/probe.h"
#include "tests/bench/raw/support.h"

#include <liburing.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <sys/uio.h>
#include <unistd.h>

namespace millrace::bench {

namespace {

constexpr std::size_t kFileBytes = 512U << 20;

// A ring that keeps `depth` operations of `step` bytes in flight over the file, round and round.
struct Streaming {
    std::size_t step = 0;
    unsigned depth = 0;
    bool write = false;
    int flags = 0;  // RWF_*
};

// Operations a second.
double stream(const InitialisedFile& file, const Streaming& pattern, double seconds) {
    const HugeMemory memory(pattern.step * pattern.depth);
    io_uring ring;
    if (const int error = io_uring_queue_init(64, &ring, 0); error < 0) {
        probe_failed("io_uring_queue_init", -error);
    }
    std::size_t position = 0;
    const auto submit = [&](std::uint64_t slot) {
        auto* entry = io_uring_get_sqe(&ring);
        auto* buffer = memory.data() + slot * pattern.step;
        const auto length = static_cast<unsigned>(pattern.step);
        if (pattern.write) {
            io_uring_prep_write(entry, file.descriptor(), buffer, length, position);
            entry->rw_flags = pattern.flags;
        } else {
            io_uring_prep_read(entry, file.descriptor(), buffer, length, position);
        }
        io_uring_sqe_set_data64(entry, slot);
        position = (position + pattern.step) % file.bytes();
    };
    for (unsigned slot = 0; slot < pattern.depth; ++slot)
        submit(slot);
    const auto start = now();
    std::uint64_t operations = 0;
    double elapsed = 0;
    // The last operations land before their memory goes.
    for (unsigned in_flight = pattern.depth; in_flight > 0;) {
        io_uring_submit_and_wait(&ring, 1);
        io_uring_cqe* completion = nullptr;
        while (io_uring_peek_cqe(&ring, &completion) == 0) {
            if (completion->res < 0) probe_failed("ring operation", -completion->res);
            const auto slot = io_uring_cqe_get_data64(completion);
            io_uring_cqe_seen(&ring, completion);
            ++operations;
            elapsed = seconds_since(start);
            if (elapsed < seconds) {
                submit(slot);
            } else {
                --in_flight;
            }
        }
    }
    const auto rate = static_cast<double>(operations) / elapsed;
    io_uring_queue_exit(&ring);
    return rate;
}

void durable_write(const InitialisedFile& file,
                   std::byte* data,
                   std::size_t bytes,
                   std::size_t position,
                   bool synced) {
    const iovec vector{.iov_base = data, .iov_len = bytes};
    const auto offset = static_cast<off_t>(position);
    checked(pwritev2(file.descriptor(), &vector, 1, offset, synced ? RWF_DSYNC : 0), "pwritev2");
    if (!synced) checked(fdatasync(file.descriptor()), "fdatasync");
}

// One durable write at a time; samples in microseconds.
std::vector<double> durable_writes(const InitialisedFile& file,
                                   std::size_t bytes,
                                   bool synced,
                                   double seconds) {
    const HugeMemory memory(bytes);
    std::vector<double> samples;
    std::size_t position = 0;
    const auto start = now();
    while (seconds_since(start) < seconds) {
        const auto began = now();
        durable_write(file, memory.data(), bytes, position, synced);
        samples.push_back(seconds_since(began) * 1e6);
        position = (position + bytes) % file.bytes();
    }
    return samples;
}

}  // namespace

double raw_write(const ProbeOptions& options) {
    const InitialisedFile file(options.directory, kFileBytes);
    double best = 0;
    for (const unsigned depth : {4U, 8U}) {
        const Streaming pattern{.step = 1U << 20, .depth = depth, .write = true};
        best = std::max(best, stream(file, pattern, options.seconds) * (1U << 20));
    }
    return best;
}

double raw_read(const ProbeOptions& options) {
    const InitialisedFile file(options.directory, kFileBytes);
    double best = 0;
    for (const unsigned depth : {8U, 16U}) {
        const Streaming pattern{.step = 256U << 10, .depth = depth, .write = false};
        best = std::max(best, stream(file, pattern, options.seconds) * (256U << 10));
    }
    return best;
}

Latency raw_sync(const ProbeOptions& options, bool busy) {
    const InitialisedFile file(options.directory, 64U << 20);
    const BusyCores cores(busy);
    Latency best;
    for (const bool synced : {true, false}) {
        auto samples = durable_writes(file, 4096, synced, options.seconds);
        const auto latency = latency_of(samples);
        if (best.p50_us == 0 || latency.p50_us < best.p50_us) best = latency;
    }
    return best;
}

double raw_commit(const ProbeOptions& options, bool busy) {
    constexpr std::size_t kWaiting = 256;
    constexpr std::size_t kBatchBytes = 1024;
    const InitialisedFile file(options.directory, 256U << 20);
    const BusyCores cores(busy);
    double best = 0;
    for (const bool synced : {true, false}) {
        const auto samples = durable_writes(file, kWaiting * kBatchBytes, synced, options.seconds);
        const auto rate = static_cast<double>(samples.size() * kWaiting) / options.seconds;
        best = std::max(best, rate);
    }
    for (const unsigned depth : {1U, 2U}) {
        const Streaming pattern{.step = kWaiting / depth * kBatchBytes,
                                .depth = depth,
                                .write = true,
                                .flags = RWF_DSYNC};
        const auto groups = stream(file, pattern, options.seconds);
        best = std::max(best, groups * static_cast<double>(kWaiting / depth));
    }
    return best;
}

}  // namespace millrace::bench
