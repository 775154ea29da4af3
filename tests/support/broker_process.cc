// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/broker_process.h"

#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <stdexcept>
#include <sys/inotify.h>
#include <unistd.h>

namespace millrace::testing {

namespace {

constexpr auto kStartLimit = std::chrono::seconds(60);
constexpr auto kStopLimit = std::chrono::seconds(60);

std::string from_environment(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set");
    return value;
}

ReadyFile parse_ready_file(const std::filesystem::path& path) {
    const auto json = nlohmann::json::parse(read_file(path));
    return {.pid = json.at("pid"),
            .version = json.at("version"),
            .io = json.at("io"),
            .shards = json.at("shards"),
            .client = json.at("listeners").value("client", ""),
            .local = json.at("listeners").value("local", ""),
            .http = json.at("listeners").value("http", "")};
}

// True when `file` has appeared in its folder, false when the process ended first.
bool wait_for_file(int watch, const std::filesystem::path& file, int process) {
    for (;;) {
        if (std::filesystem::exists(file)) return true;
        pollfd entries[2] = {{.fd = watch, .events = POLLIN, .revents = 0},
                             {.fd = process, .events = POLLIN, .revents = 0}};
        const auto limit = std::chrono::milliseconds(kStartLimit).count();
        if (poll(entries, 2, static_cast<int>(limit)) <= 0) return false;
        if (entries[1].revents != 0) return std::filesystem::exists(file);
        char events[4096];
        if (read(watch, events, sizeof events) < 0) return false;
    }
}

}  // namespace

BrokerProcess::BrokerProcess(const BrokerOptions& options) : options_(options) {
    // Beside the data directory, so that two brokers of a test never share a file.
    const auto folder = options.side_folder.empty() ? options.data_directory.parent_path()
                                                    : options.side_folder;
    const auto stem = options.data_directory.filename().string();
    log_path_ = folder / (stem + ".log");
    const auto ready_path = folder / (stem + ".ready");
    std::filesystem::remove(ready_path);
    const int watch = inotify_init1(IN_CLOEXEC);
    inotify_add_watch(watch, folder.c_str(), IN_MOVED_TO | IN_CREATE);

    ChildOptions child{.command = {options.program.empty() ? millraced_path() : options.program,
                                   "--data-dir",
                                   options.data_directory,
                                   "--ready-file",
                                   ready_path,
                                   "--set",
                                   "listener.client.bind=127.0.0.1:0"},
                       .environment = options.environment,
                       .output = log_path_,
                       .input = {},
                       .ordinary_user = options.ordinary_user};
    if (!options.default_http) {
        child.command.insert(child.command.end(), {"--set", "http.bind=127.0.0.1:0"});
    }
    for (const auto& setting : options.settings) {
        child.command.emplace_back("--set");
        child.command.push_back(setting);
    }
    child.command.insert(child.command.end(), options.arguments.begin(), options.arguments.end());
    process_ = ChildProcess(child);
    const bool ready = wait_for_file(watch, ready_path, process_.descriptor());
    close(watch);
    if (!ready) throw std::runtime_error("the broker did not get ready:\n" + log());
    ready_ = parse_ready_file(ready_path);
}

std::string BrokerProcess::log() const {
    return read_file(log_path_);
}

void BrokerProcess::kill() {
    process_.signal(SIGKILL);
    process_.wait(kStopLimit);
}

int BrokerProcess::stop() {
    process_.signal(SIGTERM);
    return process_.wait(kStopLimit);
}

std::string millraced_path() {
    return from_environment("MILLRACE_TEST_MILLRACED");
}

std::string millrace_path() {
    return from_environment("MILLRACE_TEST_MILLRACE");
}

DataDirectory::DataDirectory(bool for_ordinary_user) {
    const char* temporary = std::getenv("TMPDIR");
    std::string pattern =
            std::string(temporary != nullptr ? temporary : "/var/tmp") + "/millrace-test-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed: " + pattern);
    const std::filesystem::path root(pattern);
    if (for_ordinary_user && geteuid() == 0) {
        if (chown(root.c_str(), 65534, 65534) != 0) throw std::runtime_error("chown failed");
    }
    path_ = root / "data";
}

DataDirectory::~DataDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_.parent_path(), ignored);
}

}  // namespace millrace::testing
