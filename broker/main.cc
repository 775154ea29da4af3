// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millraced: reads the arguments and settings, and runs the broker.
#include "broker/base/line_event_log.h"
#include "broker/base/system_clock.h"
#include "broker/broker.h"
#include "broker/config/command_line.h"
#include "broker/config/config_loader.h"
#include "broker/request/version.h"

#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <span>
#include <unistd.h>

namespace millrace::broker {

namespace {

int start(const CommandLine& line) {
    const ConfigInputs inputs{.file = line.config,
                              .environment = environ,
                              .assignments = line.assignments,
                              .data_directory = line.data_directory,
                              .working_directory = std::filesystem::current_path()};
    auto options = load_config(inputs, inspect_machine());
    if (!options) {
        for (const auto& problem : options.error())
            std::fprintf(stderr, "millraced: %s\n", problem.c_str());
        return kExitRefused;
    }
    options->accept_wal_loss = line.accept_wal_loss;
    if (line.action == CommandLine::Action::check) {
        const int status = check_broker(*options);
        if (status == kExitStopped) std::puts("the settings are good");
        return status;
    }
    SystemClock clock;
    LineEventLog events(STDERR_FILENO, options->log_level, clock);
    events.event(engine::Level::info,
                 "broker.starting",
                 "Millrace " + std::string(kVersion),
                 {{"data_dir", options->data_directory.string()},
                  {"config", line.config ? line.config->string() : ""},
                  {"pid", std::to_string(getpid())}});
    return run_broker({.options = std::move(*options),
                       .ready_file = line.ready_file,
                       .clock = clock,
                       .events = events});
}

int run(std::span<const char* const> arguments) {
    const auto line = parse_command_line(arguments);
    if (!line) {
        std::fprintf(stderr, "millraced: %s\nTry millraced --help.\n", line.error().c_str());
        return kExitRefused;
    }
    switch (line->action) {
        case CommandLine::Action::help:
            std::fputs(help_text().c_str(), stdout);
            return 0;
        case CommandLine::Action::version:
            std::printf("millraced %s\n", std::string(kVersion).c_str());
            return 0;
        case CommandLine::Action::run:
        case CommandLine::Action::check:
            return start(*line);
    }
    return kExitRefused;
}

// Of 0, 1 and 2 those that are closed become /dev/null: else a data file or a socket would be given
// such a number, and what is written to standard error would land in it.
void fill_standard_descriptors() {
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
        // open() takes the lowest number that is free.
        if (fcntl(number, F_GETFD) == -1 && open("/dev/null", O_RDWR) == -1) return;
    }
}

}  // namespace

}  // namespace millrace::broker

int main(int argc, char** argv) {
    try {
        millrace::broker::fill_standard_descriptors();
        const std::span<const char* const> arguments(argv, static_cast<std::size_t>(argc));
        return millrace::broker::run(arguments.subspan(argc > 0 ? 1 : 0));
    } catch (const std::exception& failed) {
        std::fprintf(stderr, "millraced: %s\n", failed.what());
        return millrace::broker::kExitRefused;
    }
}
