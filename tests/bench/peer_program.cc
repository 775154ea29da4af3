// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/bench/peer_program.h"

#include "tests/support/child_process.h"

#include <nlohmann/json.hpp>

namespace millrace::bench {

namespace {

constexpr auto kPrepareLimit = std::chrono::minutes(20);
constexpr auto kRunLimit = std::chrono::minutes(10);

// Fit for a cell of a table.
std::string cell_of(std::string text) {
    for (auto& letter : text) {
        if (letter == '\n' || letter == '|') letter = ' ';
    }
    return text;
}

std::string end_of(const std::string& text) {
    constexpr std::size_t kShown = 500;
    return text.size() <= kShown ? text : text.substr(text.size() - kShown);
}

std::expected<nlohmann::json, LeftOut> call(const PeerName& peer,
                                            const char* verb,
                                            std::vector<std::string> words,
                                            std::chrono::milliseconds limit) {
    std::vector<std::string> command = {"python3",
                                        "-B",
                                        MILLRACE_PEERS "/run.py",
                                        verb,
                                        std::string(peer.name),
                                        "--build",
                                        MILLRACE_PEERS_BUILD};
    if (peer.synced) command.emplace_back("--synced");
    command.insert(command.end(), words.begin(), words.end());
    const auto result = testing::run_command(command, {}, limit);
    auto said = nlohmann::json::parse(result.output, nullptr, false);
    if (!said.is_object())
        return std::unexpected(LeftOut{cell_of("run.py: " + end_of(result.errors))});
    if (said.contains("left_out")) return std::unexpected(LeftOut{cell_of(said.at("left_out"))});
    return said;
}

}  // namespace

std::expected<std::string, LeftOut> prepare_peer(const PeerName& peer) {
    const auto said = call(peer, "prepare", {}, kPrepareLimit);
    if (!said) return std::unexpected(said.error());
    return said->at("version").get<std::string>();
}

std::expected<JobFigures, LeftOut> job_on_peer(const PeerName& peer,
                                               const BenchOptions& options,
                                               const PeerTimes& times,
                                               const Cores& cores) {
    const auto said = call(peer,
                           "run",
                           {"--directory",
                            options.directory / "peer",
                            "--warm-step",
                            std::to_string(times.warm_step),
                            "--seconds",
                            std::to_string(times.seconds),
                            "--broker-cpus",
                            cores.broker(),
                            "--client-cpus",
                            cores.client()},
                           kRunLimit);
    if (!said) return std::unexpected(said.error());
    return JobFigures{.produced = said->at("produced_per_second"),
                      .read = said->at("read_per_second")};
}

}  // namespace millrace::bench
