// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/crash/crash_explorer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string_view>

namespace millrace::testing {

namespace {

constexpr std::uint64_t kFreeSpace = 1ULL << 40;
constexpr std::uint64_t kBudgetOfEverything = 1000;
constexpr std::uint64_t kSampledMax = 256;

std::uint64_t mix(std::uint64_t digest, std::uint64_t word) {
    digest = (digest ^ word) * 0xff51afd7ed558ccdU;
    return digest ^ (digest >> 31U);
}

std::uint64_t signature(const Model& model) {
    std::uint64_t digest = 1;
    for (const auto& log : model) {
        digest = mix(digest, log.required(Ending::power_cut));
        digest = mix(digest, log.required(Ending::killed));
        digest = mix(digest, static_cast<std::uint64_t>(log.end().value));
        if (log.start() > engine::Offset(0)) {
            digest = mix(digest, static_cast<std::uint64_t>(log.start().value));
        }
    }
    return digest;
}

bool changes_nothing(engine::FileOpKind kind) {
    using engine::FileOpKind;
    return kind == FileOpKind::read || kind == FileOpKind::list || kind == FileOpKind::stat ||
           kind == FileOpKind::free_space || kind == FileOpKind::close;
}

std::string describe(const SimOperation& operation) {
    return fmt::format("operation {}: kind {} {} at {}, {} bytes{}",
                       operation.number,
                       static_cast<int>(operation.kind),
                       operation.path,
                       operation.position,
                       operation.length,
                       operation.sync == engine::WriteSync::none ? "" : ", synced");
}

}  // namespace

CrashBudget CrashBudget::from_environment() {
    const char* text = std::getenv("MILLRACE_CRASH_BUDGET");
    const std::uint64_t scale = text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
    CrashBudget budget;
    if (scale <= 1) return budget;
    budget.sampled = std::min(kSampledMax, budget.sampled * scale);
    budget.states *= scale;
    budget.deep_states *= scale;
    budget.deep_points *= scale;
    budget.deep_subsets *= scale;
    return scale >= kBudgetOfEverything ? everything() : budget;
}

CrashBudget CrashBudget::everything() {
    CrashBudget budget;
    budget.sampled = kSampledMax;
    budget.states = budget.deep_states = ~std::uint64_t{0};
    budget.deep_points = budget.deep_subsets = ~std::uint64_t{0};
    return budget;
}

Model make_model(const CrashWorkload& workload) {
    Model model;
    for (std::uint32_t index = 0; index < workload.logs; ++index) {
        engine::LogConfig config;
        config.durability = workload.classes[index % workload.classes.size()];
        config.segment_bytes = 8192;
        config.index_interval_bytes = 1024;
        if (workload.deletes && index > 0) config.retention_bytes = 12'000;
        if (workload.compacts && index > 0) {
            config.segment_bytes = 4096;
            config.compacts = true;
            config.dirty_ratio_min = 0;
        }
        engine::TopicId topic{};
        topic.bytes[15] = 7;
        if (index == 0) {
            config.durability = engine::Durability::synced;
            model.emplace_back(
                    engine::PartitionKey{engine::kMetadataTopic, 0}, "__metadata-0", config);
        } else {
            model.emplace_back(
                    engine::PartitionKey{topic, index}, fmt::format("orders-{}", index), config);
        }
    }
    return model;
}

CrashExplorer::CrashExplorer(const CrashWorkload& workload,
                             const CrashBudget& budget,
                             engine::Arena& arena)
        : workload_(workload), budget_(budget), arena_(arena) {
    const char* text = std::getenv("MILLRACE_CRASH_REPLAY");
    if (text == nullptr) return;
    std::istringstream parts(text);
    std::string part;
    std::getline(parts, part, '/');
    const auto colon = part.find(':');
    const bool mine = colon != std::string::npos && part.substr(0, colon) == workload.name;
    const auto seed = mine ? part.substr(colon + 1) : "";
    while (std::getline(parts, part, '/'))
        replay_.push_back(std::strtoull(part.c_str(), nullptr, 10));
    if (!mine) {
        replay_.assign(1, ~std::uint64_t{0});
        return;
    }
    workload_.seed = std::strtoull(seed.c_str(), nullptr, 10);
    budget_ = CrashBudget::everything();
}

CrashReport CrashExplorer::explore() {
    SimDisk disk;
    disk.set_free_space(kFreeSpace);
    std::vector<CrashPoint> points;
    {
        CrashRun run(disk,
                     arena_,
                     make_model(workload_),
                     engine_options(workload_, workload_.shards, workload_.seed));
        collect_points(disk, run, points);
        if (run.recover(Ending::stopped) &&
            run.work(workload_, workload_.batches, workload_.seed)) {
            run.stop();
        }
        disk.set_observer(nullptr);
        points.push_back({disk, run.model(), disk.operations(), "the end"});
        report(run, {});
    }
    point_count_ = points.size();
    report_.points = points.size();
    for (std::size_t index = 0; index < points.size() && !enough(); ++index)
        first_crashes(points[index], index);
    return report_;
}

void CrashExplorer::collect_points(SimDisk& disk, CrashRun& run, std::vector<CrashPoint>& points) {
    struct Last {
        bool changed = true;
        std::size_t units = 0;
        std::uint64_t signature = 0;
    };

    disk.set_observer([&disk, &run, &points, last = Last{}](const SimOperation& next) mutable {
        const Last now{true, disk.unsynced_units(512), signature(run.model())};
        if (last.changed || now.units != last.units || now.signature != last.signature) {
            points.push_back({disk, run.model(), next.number, describe(next)});
        }
        last = now;
        last.changed = !changes_nothing(next.kind);
    });
}

void CrashExplorer::first_crashes(const CrashPoint& point, std::size_t index) {
    const CrashStates states(point, workload_.seed, budget_.sampled);
    for (std::uint64_t number = 0; number < states.count() && !enough(); ++number) {
        const Path path{index, number};
        if (!replays(path)) continue;
        const bool plain = number < 2 || number + 1 == states.count();
        if (!plain && !chosen(path, states.count(), budget_.states)) continue;
        ++report_.states;
        const auto state = states.state(number);
        if (workload_.killed_first && state.ending == Ending::power_cut) break;
        if (!fresh(state.disk, point.model, state.ending)) continue;
        ++report_.recoveries;
        // A killed process leaves a page cache, so that a second crash can still lose more of it.
        const bool killed = state.ending == Ending::killed;
        const bool deep =
                chosen(path, killed ? point_count_ : point_count_ * 24, budget_.deep_states);
        run_after_crash(state, point.model, path, deep);
    }
}

void CrashExplorer::run_after_crash(const CrashState& state,
                                    const Model& model,
                                    const Path& path,
                                    bool deep) {
    SimDisk disk = state.disk;
    std::vector<CrashPoint> points;
    {
        const auto seed = seed_of(path);
        CrashRun run(disk, arena_, model, engine_options(workload_, workload_.next_shards, seed));
        if (deep) collect_points(disk, run, points);
        if (run.recover(state.ending)) {
            if (run.work(workload_, workload_.next_batches, seed)) run.read_everything();
            run.stop();
        }
        disk.set_observer(nullptr);
        if (deep) points.push_back({disk, run.model(), disk.operations(), "the end"});
        report(run, path);
    }
    if (deep && replay_.size() != path.size()) second_crashes(points, path);
}

void CrashExplorer::second_crashes(const std::vector<CrashPoint>& points, const Path& path) {
    for (std::size_t index = 0; index < points.size() && !enough(); ++index) {
        Path deeper = path;
        deeper.push_back(index);
        if (!replays(deeper) || !chosen(deeper, points.size(), budget_.deep_points)) continue;
        const CrashStates states(points[index], seed_of(deeper), budget_.sampled);
        deeper.push_back(0);
        for (std::uint64_t number = 0; number < states.count() && !enough(); ++number) {
            deeper.back() = number;
            // Killed, and nothing survives: the two that tell most.
            const bool plain = number < 2 && replays(deeper);
            if (!plain && !chosen(deeper, states.count(), budget_.deep_subsets)) continue;
            ++report_.states;
            const auto state = states.state(number);
            if (!fresh(state.disk, points[index].model, state.ending)) continue;
            ++report_.deep_recoveries;
            recover_only(state, points[index].model, deeper);
        }
    }
}

void CrashExplorer::recover_only(const CrashState& state, const Model& model, const Path& path) {
    SimDisk disk = state.disk;
    const auto options = engine_options(workload_, workload_.shards, seed_of(path));
    CrashRun run(disk, arena_, model, options);
    if (run.recover(state.ending)) run.stop();
    report(run, path);
}

bool CrashExplorer::fresh(const SimDisk& disk, const Model& model, Ending ending) {
    if (!replay_.empty()) return true;
    return seen_
            .insert(mix(mix(disk.digest(), signature(model)), static_cast<std::uint64_t>(ending)))
            .second;
}

// About `want` of `of`, the same ones with every run.
bool CrashExplorer::chosen(const Path& path, std::uint64_t of, std::uint64_t want) const {
    if (!replay_.empty()) return replays(path);
    return want >= of || seed_of(path) % of < want;
}

bool CrashExplorer::replays(const Path& path) const {
    if (replay_.empty()) return true;
    const auto length = std::min(path.size(), replay_.size());
    return std::equal(
            path.begin(), path.begin() + static_cast<std::ptrdiff_t>(length), replay_.begin());
}

std::uint64_t CrashExplorer::seed_of(const Path& path) const {
    std::uint64_t seed = workload_.seed;
    for (const auto step : path)
        seed = mix(seed * 3 + 1, step + 1);
    return seed == 0 ? 1 : seed;
}

bool CrashExplorer::enough() const {
    return report_.findings.size() >= budget_.findings_max ||
           report_.recoveries + report_.deep_recoveries >= budget_.recoveries_max ||
           std::chrono::steady_clock::now() >= budget_.until;
}

void CrashExplorer::report(CrashRun& run, const Path& path) {
    if (!replay_.empty() && path == replay_) {
        std::fprintf(stderr, "%s", run.host().events().c_str());
    }
    if (run.wrong().empty()) return;
    auto name = fmt::format("{}:{}", workload_.name, workload_.seed);
    for (const auto step : path)
        name += fmt::format("/{}", step);
    auto text = "MILLRACE_CRASH_REPLAY=" + name;
    for (const auto& wrong : run.wrong())
        text += "\n  " + wrong;
    report_.findings.push_back(text + "\n" + run.host().events());
}

}  // namespace millrace::testing
