// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/bench/outside_tools.h"

#include "tests/bench/bench.h"
#include "tests/support/child_process.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace millrace::bench {

namespace {

using testing::run_command;

nlohmann::json fio(const ProbeOptions& options, std::vector<std::string> pattern) {
    std::vector<std::string> command = {"fio",
                                        "--name=probe",
                                        "--directory=" + options.directory.string(),
                                        "--size=512M",
                                        "--direct=1",
                                        "--ioengine=io_uring",
                                        "--overwrite=1",
                                        "--time_based",
                                        "--runtime=3",
                                        "--output-format=json"};
    command.insert(command.end(), pattern.begin(), pattern.end());
    const auto result = run_command(command, {}, std::chrono::seconds(120));
    if (result.status != 0) bench_failed("fio: " + result.errors + result.output);
    return nlohmann::json::parse(result.output.substr(result.output.find('{'))).at("jobs").at(0);
}

double iperf() {
    const auto result = run_command(
            {"sh",
             "-c",
             "port=$((20000 + $$ % 20000)); iperf3 -s -1 -D -p $port; "
             "for try in 1 2 3 4 5; do iperf3 -c 127.0.0.1 -p $port -t 3 -J && break; done"},
            {},
            std::chrono::seconds(60));
    const auto at = result.output.find('{');
    if (at == std::string::npos) bench_failed("iperf3: " + result.errors);
    return nlohmann::json::parse(result.output.substr(at))
                   .at("end")
                   .at("sum_received")
                   .at("bits_per_second")
                   .get<double>() /
           8;
}

}  // namespace

std::string probes_beside_outside_tools(const ProbeOptions& options) {
    const auto write = fio(options, {"--rw=write", "--bs=1M", "--iodepth=8"});
    const auto read = fio(options, {"--rw=read", "--bs=256k", "--iodepth=16"});
    const auto sync = fio(options, {"--rw=write", "--bs=4k", "--iodepth=1", "--fdatasync=1"});
    const auto sync_us =
            (sync.at("write").at("clat_ns").at("percentile").at("50.000000").get<double>() +
             sync.at("sync").at("lat_ns").at("percentile").at("50.000000").get<double>()) /
            1000;
    return fmt::format(
            "| limit | probe | checked with | its figure |\n|---|---|---|---|\n"
            "| raw_write | {:.0f} MB/s | fio, 1 MiB, depth 8 | {:.0f} MB/s |\n"
            "| raw_read | {:.0f} MB/s | fio, 256 KiB, depth 16 | {:.0f} MB/s |\n"
            "| raw_sync p50 | {:.0f} us | fio, 4 KiB, fdatasync | {:.0f} us |\n"
            "| raw_tcp | {:.0f} MB/s | iperf3, one stream | {:.0f} MB/s |\n",
            raw_write(options) / 1e6,
            write.at("write").at("bw_bytes").get<double>() / 1e6,
            raw_read(options) / 1e6,
            read.at("read").at("bw_bytes").get<double>() / 1e6,
            raw_sync(options, false).p50_us,
            sync_us,
            raw_tcp(options) / 1e6,
            iperf() / 1e6);
}

}  // namespace millrace::bench
