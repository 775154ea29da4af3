// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What the machine itself can do: the limits every benchmark row stands beside. Small programs
// with one pattern of system calls each; no code of the engine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace millrace::bench {

struct Latency {
    double p50_us = 0;
    double p99_us = 0;
};

struct ProbeOptions {
    std::filesystem::path directory;  // On the disk under test, not tmpfs.
    double seconds = 1.5;             // Of each repeat.
};

// Bytes a second. 1 MiB direct writes into initialised blocks, 4 and 8 in flight, huge pages.
double raw_write(const ProbeOptions& options);

// Bytes a second. 256 KiB direct reads, 8 and 16 in flight, huge pages.
double raw_read(const ProbeOptions& options);

// One 4 KiB durable write at a time into initialised blocks; `busy`: with one spinning thread per
// core beside it. The better of RWF_DSYNC and write + fdatasync, by p50.
Latency raw_sync(const ProbeOptions& options, bool busy);

// Batches a second: one log, 256 batches of 1 KiB waiting, each durable. The best of one group of
// 256 and two groups of 128 in flight, by RWF_DSYNC of a thread, by write + fdatasync, and by the
// ring. Copy and CRC are left out.
double raw_commit(const ProbeOptions& options, bool busy);

// Bytes a second over one loopback connection, sent from memory, a thread each side.
double raw_tcp(const ProbeOptions& options);

// Microseconds: p50 of a 64-byte ping-pong over one loopback connection.
double raw_rtt(const ProbeOptions& options);

}  // namespace millrace::bench
