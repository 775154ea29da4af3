// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The job of the row `peers` on Millrace: messages of 1 KiB, half of which compresses well, into
// one partition, as many unacknowledged as every peer has; then everything is read and compared.
// tests/bench/peers gives the same job to the peers.
#pragma once

#include "millrace/types.h"
#include "tests/bench/bench.h"

#include <sched.h>
#include <string>

namespace millrace::bench {

// Which processors broker and client of a run have: one each, or all of this process.
//
// Lifecycle:  the end gives this thread all of them again.
class Cores {
public:
    explicit Cores(bool pinned);
    ~Cores();
    Cores(const Cores&) = delete;
    Cores& operator=(const Cores&) = delete;

    [[nodiscard]] std::string broker() const;  // "0", "0-1", as taskset has it
    [[nodiscard]] std::string client() const;

    // Moves this thread, and with it the threads and processes that it starts from now on.
    void enter_broker() const;
    void enter_client() const;

private:
    cpu_set_t all_;
    cpu_set_t broker_;
    cpu_set_t client_;
};

struct PeerTimes {
    double warm_step = 0;  // Seconds; as many steps as the rate still grows.
    double seconds = 0;
};

struct JobFigures {
    double produced = 0;  // Acknowledgements a second.
    double read = 0;      // Messages a second; 0: not measured.
};

// A fresh broker. With `synced` it is killed before everything is read back.
JobFigures job_on_millrace(const BenchOptions& options,
                           const PeerTimes& times,
                           Durability durability,
                           const Cores& cores);

}  // namespace millrace::bench
