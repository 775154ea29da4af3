// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What a run of the benchmarks has to say, and how it is written down.
#pragma once

#include "tests/bench/raw/probe.h"

#include <string>
#include <vector>

namespace millrace::bench {

// The limits of the machine, best of their repeats before and after the rows.
struct Probes {
    double write = 0;  // Bytes a second.
    double read = 0;
    Latency sync_idle;
    Latency sync_busy;
    double commit_idle = 0;  // Batches a second.
    double commit_busy = 0;
    double tcp = 0;  // Bytes a second.
    double rtt_us = 0;

    // Takes the better of the two, value by value.
    void merge(const Probes& other);
};

Probes measure_probes(const ProbeOptions& options);

struct Row {
    std::string id;
    double value = 0;
    std::string unit;
    bool at_most = false;                      // The bound is an upper one.
    std::string bound_text;                    // "0.6 raw_commit (busy cores)"
    double (*limit)(const Probes&) = nullptr;  // The bound, once the probes are final.
    double bound = 0;                          // What `limit` said.
    std::string note;                          // Counts, durability, conditions.
    bool durable = false;                      // raw_sync and raw_commit stand beside it.
    std::string obstacle = {};                 // Between code and limit, when the row is missed.

    [[nodiscard]] bool holds() const { return at_most ? value <= bound : value >= bound; }
};

// One run: its rows stand beside the limits of the same minutes.
struct Report {
    std::string commit;
    Probes probes;
    std::vector<Row> rows;

    // The probes are final: bounds and notes follow from them.
    void finish();
};

std::string to_table(const Report& report);
std::string limits_line(const Probes& probes);
std::string bound_of(const Row& row);  // "<= 50 (fixed)"

double median(std::vector<double> values);

}  // namespace millrace::bench
