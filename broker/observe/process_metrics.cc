// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/observe/process_metrics.h"

#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

namespace millrace::broker {
namespace {

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void add_memory(MetricPage& page) {
    std::ifstream file("/proc/self/statm");
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    if (!(file >> size >> resident)) return;
    const auto page_bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    page.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.")
            .add({}, size * page_bytes);
    page.gauge("process_resident_memory_bytes", "Resident memory size in bytes.")
            .add({}, resident * page_bytes);
}

void add_descriptors(MetricPage& page) {
    std::error_code failed;
    std::filesystem::directory_iterator each("/proc/self/fd", failed);
    if (!failed) {
        std::uint64_t count = 0;
        for (; !failed && each != std::filesystem::directory_iterator(); each.increment(failed))
            ++count;
        // One of them is the directory that is being read.
        page.gauge("process_open_fds", "Number of open file descriptors.").add({}, count - 1);
    }
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        page.gauge("process_max_fds", "Maximum number of open file descriptors.")
                .add({}, std::uint64_t{limit.rlim_cur});
    }
}

}  // namespace

void add_process_metrics(double start_time, MetricPage& page) {
    page.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.")
            .add({}, cpu_seconds());
    page.gauge("process_start_time_seconds",
               "Start time of the process since unix epoch in seconds.")
            .add({}, start_time);
    add_memory(page);
    add_descriptors(page);
}

}  // namespace millrace::broker
