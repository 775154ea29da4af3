// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/bench/broker.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::bench {

namespace {

std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// The number behind `name` in a /proc status file; 0 when it is not there.
std::uint64_t status_number(const std::string& text, const std::string& name) {
    const auto at = text.find("\n" + name + ":");
    return at == std::string::npos ? 0 : std::stoull(text.substr(at + name.size() + 2));
}

// The sum of a field of all shards' last lines.
std::uint64_t stopped_total(const std::string& log, const std::string& field) {
    std::istringstream lines(log);
    std::uint64_t total = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.find(" shard.stopped ") == std::string::npos) continue;
        const auto at = line.find(" " + field + "=");
        if (at == std::string::npos) bench_failed("no " + field + " in: " + line);
        total += std::stoull(line.substr(at + field.size() + 2));
    }
    return total;
}

}  // namespace

BenchBroker::BenchBroker(const BenchOptions& options, std::vector<std::string> settings)
        : directory_(options.directory / "broker" / "data"), settings_(std::move(settings)) {
    std::filesystem::remove_all(directory_.parent_path());
    std::filesystem::create_directories(directory_.parent_path());
    start();
}

BenchBroker::~BenchBroker() {
    process_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_.parent_path(), ignored);
}

void BenchBroker::start() {
    testing::BrokerOptions options;
    options.data_directory = directory_;
    options.settings = settings_;
    process_ = std::make_unique<testing::BrokerProcess>(options);
}

void BenchBroker::kill_and_start() {
    process_->kill();
    start();
}

std::string BenchBroker::stop() {
    if (process_->stop() != 0) bench_failed("the broker did not stop cleanly:\n" + process_->log());
    const auto log = process_->log();
    return fmt::format("{} groups, {} runs, {} rolls, {} checkpoints, {} WAL files recycled",
                       stopped_total(log, "groups"),
                       stopped_total(log, "runs"),
                       stopped_total(log, "rolls"),
                       stopped_total(log, "checkpoints"),
                       stopped_total(log, "wal_files_recycled"));
}

Client BenchBroker::client() const {
    ClientOptions options;
    options.addresses = process_->address();
    return require(Client::connect(options), "connect");
}

Admin BenchBroker::admin() const {
    return require(Admin::open(client()), "admin");
}

void BenchBroker::create(const std::string& topic,
                         std::uint32_t partitions,
                         std::vector<std::pair<std::string, std::string>> config) const {
    require(admin().create_topic({topic, partitions, std::move(config)}), "create " + topic);
}

std::uint64_t resident_bytes(pid_t process) {
    const auto status = text_of("/proc/" + std::to_string(process) + "/status");
    return status_number(status, "VmRSS") * 1024;
}

double cpu_seconds(pid_t process) {
    const auto stat = text_of("/proc/" + std::to_string(process) + "/stat");
    std::istringstream fields(stat.substr(stat.rfind(')') + 2));
    std::string skipped;
    for (int field = 3; field < 14; ++field)
        fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::uint64_t context_switches(pid_t process) {
    std::uint64_t switches = 0;
    const auto tasks = "/proc/" + std::to_string(process) + "/task";
    for (const auto& task : std::filesystem::directory_iterator(tasks))
        switches += status_number(text_of(task.path() / "status"), "voluntary_ctxt_switches");
    return switches;
}

std::uint64_t disk_bytes(const std::filesystem::path& folder) {
    std::uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        struct stat status {};

        if (stat(entry.path().c_str(), &status) == 0)
            bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
    }
    return bytes;
}

}  // namespace millrace::bench
