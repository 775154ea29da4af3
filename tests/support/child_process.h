// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A program as a child of the test: started, waited for, killed; its output kept.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace millrace::testing {

struct ChildOptions {
    std::vector<std::string> command;                // Path and arguments.
    std::map<std::string, std::string> environment;  // Added to this process's.
    std::filesystem::path output;  // Standard output and error go there; "": inherited.
    std::filesystem::path input;   // "": /dev/null
    bool ordinary_user = false;    // Not root, 64 KiB of locked memory, 1,024 files.
};

// Thread: one. The destructor kills what still runs.
class ChildProcess {
public:
    ChildProcess() = default;
    explicit ChildProcess(const ChildOptions& options);
    ~ChildProcess();
    ChildProcess(ChildProcess&& other) noexcept;
    ChildProcess& operator=(ChildProcess&& other) noexcept;
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }

    // Readable when the process has ended.
    [[nodiscard]] int descriptor() const { return descriptor_; }

    void signal(int number) const;

    // Exit status, or 128 + signal. Kills it when the limit passes and returns -1.
    int wait(std::chrono::milliseconds limit);

private:
    pid_t pid_ = -1;
    int descriptor_ = -1;
};

// Runs a command to its end.
struct CommandResult {
    int status = -1;
    std::string output;
    std::string errors;
};

CommandResult run_command(const std::vector<std::string>& command,
                          std::string_view input = {},
                          std::chrono::milliseconds limit = std::chrono::seconds(60));

std::string read_file(const std::filesystem::path& path);

}  // namespace millrace::testing
