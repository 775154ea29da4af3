// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/child_process.h"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <grp.h>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace millrace::testing {

namespace {

constexpr uid_t kNobody = 65534;

void become_ordinary() {
    const rlimit locked{.rlim_cur = 64U << 10, .rlim_max = 64U << 10};
    const rlimit files{.rlim_cur = 1024, .rlim_max = 1024};
    setrlimit(RLIMIT_MEMLOCK, &locked);
    setrlimit(RLIMIT_NOFILE, &files);
    if (geteuid() != 0) return;
    if (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(126);
}

void redirect(const char* path, int flags, int to) {
    const int file = open(path, flags, 0644);
    if (file < 0 || dup2(file, to) < 0) _exit(126);
    close(file);
}

[[noreturn]] void become(const ChildOptions& options) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    redirect(options.input.empty() ? "/dev/null" : options.input.c_str(), O_RDONLY, 0);
    if (!options.output.empty()) {
        redirect(options.output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 1);
        dup2(1, 2);
    }
    for (const auto& [name, value] : options.environment)
        setenv(name.c_str(), value.c_str(), 1);
    if (options.ordinary_user) become_ordinary();
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // Changing the user clears it.
    std::vector<char*> arguments;
    for (const auto& word : options.command)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    execv(arguments[0], arguments.data());
    _exit(127);
}

}  // namespace

ChildProcess::ChildProcess(const ChildOptions& options) {
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ == 0) become(options);
    descriptor_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    if (descriptor_ < 0) throw std::runtime_error("pidfd_open failed");
}

ChildProcess::~ChildProcess() {
    if (pid_ < 0) return;
    signal(SIGKILL);
    wait(std::chrono::seconds(30));
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
        : pid_(std::exchange(other.pid_, -1)), descriptor_(std::exchange(other.descriptor_, -1)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

void ChildProcess::signal(int number) const {
    if (pid_ > 0) kill(pid_, number);
}

int ChildProcess::wait(std::chrono::milliseconds limit) {
    if (pid_ < 0) return -1;
    pollfd entry{.fd = descriptor_, .events = POLLIN, .revents = 0};
    const bool ended = poll(&entry, 1, static_cast<int>(limit.count())) == 1;
    if (!ended) signal(SIGKILL);
    int status = 0;
    waitpid(pid_, &status, 0);
    close(descriptor_);
    pid_ = -1;
    descriptor_ = -1;
    if (!ended) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

CommandResult run_command(const std::vector<std::string>& command,
                          std::string_view input,
                          std::chrono::milliseconds limit) {
    // Files rather than pipes: nobody has to read both while the program writes.
    const auto make_file = [] {
        const int file = static_cast<int>(syscall(SYS_memfd_create, "command", 0U));
        if (file < 0) throw std::runtime_error("memfd_create failed");
        return file;
    };
    const int in = make_file();
    const int out = make_file();
    const int errors = make_file();
    if (write(in, input.data(), input.size()) != static_cast<ssize_t>(input.size())) {
        throw std::runtime_error("cannot write the command's input");
    }
    lseek(in, 0, SEEK_SET);
    const auto path = [](int file) { return "/proc/self/fd/" + std::to_string(file); };
    ChildOptions options{
            .command = {"/bin/sh",
                        "-c",
                        // A shell need not know descriptors of two digits.
                        "\"$@\" 0<" + path(in) + " 1>" + path(out) + " 2>" + path(errors),
                        "sh"},
            .environment = {},
            .output = {},
            .input = {}};
    options.command.insert(options.command.end(), command.begin(), command.end());
    CommandResult result;
    result.status = ChildProcess(options).wait(limit);
    result.output = read_file(path(out));
    result.errors = read_file(path(errors));
    for (const int file : {in, out, errors})
        close(file);
    return result;
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace millrace::testing
