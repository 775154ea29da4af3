// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/observe/health.h"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

namespace millrace::broker {
namespace {

// RFC 3339, UTC, to the second.
std::string time_text(engine::TimestampMs time) {
    const std::time_t seconds = time / 1000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[32];
    const auto size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text, size};
}

}  // namespace

HealthCheck check_loops(const BrokerSample& sample) {
    HealthCheck check{.name = "loops"};
    for (const auto shard : sample.silent) {
        check.good = false;
        check.reason += (check.reason.empty() ? "shard " : ", shard ") + std::to_string(shard);
    }
    if (!check.good) {
        check.reason += " has not turned its loop for " +
                        std::to_string(SampleSource::kPatience.count()) + " s";
    }
    return check;
}

HealthCheck check_serving(const BrokerSample& sample) {
    HealthCheck check{.name = "serving"};
    check.good = sample.state == NodeState::serving;
    if (sample.state == NodeState::starting) check.reason = "the broker starts: it recovers";
    if (sample.state == NodeState::stopping) check.reason = "the broker stops";
    return check;
}

HealthCheck check_storage(const BrokerSample& sample) {
    HealthCheck check{.name = "storage"};
    check.good = std::none_of(sample.shards.begin(), sample.shards.end(), [](const auto& shard) {
        return shard.storage_full;
    });
    if (!check.good) {
        check.reason =
                "the disk is full: appends are refused until there is space, and inodes, in " +
                sample.data_directory.string();
    }
    return check;
}

HealthCheck check_records(const BrokerSample& sample) {
    HealthCheck check{.name = "records"};
    std::uint64_t damaged = 0;
    for (const auto& shard : sample.shards)
        damaged += shard.engine.damaged_ranges;
    if (damaged > 0) {
        check.reason = std::to_string(damaged) +
                       " damaged ranges are known: `millrace topic verify` lists a topic's, reads "
                       "of them fail";
    }
    return check;
}

std::vector<HealthCheck> Health::look(const BrokerSample& sample, engine::TimestampMs now) {
    std::vector<HealthCheck> checks{check_serving(sample),
                                    check_loops(sample),
                                    check_storage(sample),
                                    check_records(sample)};
    for (auto& check : checks) {
        const auto [seen, is_new] = seen_.try_emplace(check.name, check.good, now);
        if (!is_new && seen->second.good != check.good) seen->second = {check.good, now};
        check.since = seen->second.since;
    }
    return checks;
}

bool all_good(const std::vector<HealthCheck>& checks) {
    return std::all_of(checks.begin(), checks.end(), [](const auto& check) { return check.good; });
}

std::string health_json(const std::vector<HealthCheck>& checks, bool verbose) {
    const auto word = [](bool good) { return good ? "ok" : "failed"; };
    nlohmann::ordered_json document;
    document["status"] = word(all_good(checks));
    if (verbose) {
        auto& list = document["checks"] = nlohmann::ordered_json::array();
        for (const auto& check : checks) {
            list.push_back({{"name", check.name},
                            {"status", word(check.good)},
                            {"reason", check.reason},
                            {"since", time_text(check.since)}});
        }
    }
    return document.dump() + "\n";
}

std::string health_text(const std::vector<HealthCheck>& checks) {
    std::string text;
    for (const auto& check : checks) {
        if (!check.good) text += std::string(check.name) + ": " + check.reason + "\n";
    }
    return text.empty() ? "ok\n" : text;
}

}  // namespace millrace::broker
