// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A broker and a client for the benchmarks, and what the system says of the broker's process.
#pragma once

#include "millrace/admin.h"
#include "millrace/client.h"
#include "tests/bench/bench.h"
#include "tests/support/broker_process.h"

#include <memory>
#include <string>
#include <vector>

namespace millrace::bench {

// Lifecycle:  a fresh directory, removed at the end with everything in it.
class BenchBroker {
public:
    BenchBroker(const BenchOptions& options, std::vector<std::string> settings = {});
    ~BenchBroker();
    BenchBroker(const BenchBroker&) = delete;
    BenchBroker& operator=(const BenchBroker&) = delete;

    [[nodiscard]] testing::BrokerProcess& process() { return *process_; }

    [[nodiscard]] Client client() const;
    [[nodiscard]] Admin admin() const;

    void create(const std::string& topic,
                std::uint32_t partitions,
                std::vector<std::pair<std::string, std::string>> config = {}) const;

    void kill_and_start();
    // Returns what the shards did: "12 groups, 3 runs, ...".
    std::string stop();

    [[nodiscard]] const std::filesystem::path& data() const { return directory_; }

private:
    void start();

    std::filesystem::path directory_;
    std::vector<std::string> settings_;
    std::unique_ptr<testing::BrokerProcess> process_;
};

// Of a living process, from /proc.
std::uint64_t resident_bytes(pid_t process);
double cpu_seconds(pid_t process);
std::uint64_t context_switches(pid_t process);  // Voluntary, of all threads: its wake-ups.

// Blocks on disk below a folder.
std::uint64_t disk_bytes(const std::filesystem::path& folder);

template <class T>
T require(Result<T> result, const std::string& what) {
    if (!result) bench_failed(what + ": " + result.error().message);
    return std::move(*result);
}

inline void require(const Result<void>& result, const std::string& what) {
    if (!result) bench_failed(what + ": " + result.error().message);
}

}  // namespace millrace::bench
