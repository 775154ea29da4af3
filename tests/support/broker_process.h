// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A real millraced on a directory of the test's own and a port of the kernel's choice.
#pragma once

#include "tests/support/child_process.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace millrace::testing {

struct BrokerOptions {
    std::filesystem::path data_directory;
    std::vector<std::string> settings;  // "node.shards=2"
    std::vector<std::string> arguments;
    std::filesystem::path side_folder =
            {};  // For its log and ready file; "": the directory's parent.
    std::map<std::string, std::string> environment = {};  // Added to this process's.
    bool ordinary_user = false;
    bool default_http = false;  // Else HTTP is at a free port, too.
    std::string program = {};   // "": millraced_path()
};

// What the ready file says.
struct ReadyFile {
    int pid = 0;
    std::string version;
    std::string io;
    unsigned shards = 0;
    std::string client;  // "127.0.0.1:40123"
    std::string local;   // "unix:..."
    std::string http;    // "127.0.0.1:40124"
};

class BrokerProcess {
public:
    // Starts and waits until it is ready. Throws with the broker's log when it is not.
    explicit BrokerProcess(const BrokerOptions& options);

    [[nodiscard]] const ReadyFile& ready() const { return ready_; }

    [[nodiscard]] const std::string& address() const { return ready_.client; }

    // Everything it has said so far.
    [[nodiscard]] std::string log() const;

    [[nodiscard]] ChildProcess& process() { return process_; }

    void kill();  // SIGKILL, and waits for its end.
    int stop();   // SIGTERM; its exit status.

private:
    BrokerOptions options_;
    std::filesystem::path log_path_;
    ChildProcess process_;
    ReadyFile ready_;
};

// Paths of the programs under test, from the environment the build gives to every test.
std::string millraced_path();
std::string millrace_path();

// A directory on the disk, owned by the user the broker will run as; removed with its contents.
class DataDirectory {
public:
    explicit DataDirectory(bool for_ordinary_user = false);
    ~DataDirectory();
    DataDirectory(const DataDirectory&) = delete;
    DataDirectory& operator=(const DataDirectory&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

}  // namespace millrace::testing
