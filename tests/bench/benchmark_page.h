// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Reports as JSON, and the page docs/benchmarks.md with the runs that its rows come from. A run of
// some rows renews those: the others keep the commit and the limits that they were measured with.
#pragma once

#include "tests/bench/report.h"

#include <string>
#include <string_view>
#include <vector>

namespace millrace::bench {

// {"commit","probes":{},"rows":[{"id","value","unit","bound","holds",...}]}
std::string to_json(const Report& report);

// What stands on a page: runs, oldest first, no row twice.
struct BenchmarkPage {
    std::vector<Report> runs;
    std::string probe_check;  // Markdown: the probes beside programs that others trust.

    // Rows of `run` replace those of the same ids.
    void renew(Report run);
};

// Ends the benchmark when the text is not what page_to_json() gives.
BenchmarkPage page_from_json(std::string_view text);
std::string page_to_json(const BenchmarkPage& page);
std::string page_to_markdown(const BenchmarkPage& page);

}  // namespace millrace::bench
