// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/crash/damage_campaign.h"

#include "engine/format/record_batch.h"
#include "tests/crash/crash_explorer.h"
#include "tests/crash/slot_loss.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::testing {

namespace {

using engine::kBlockBytes;

constexpr std::uint64_t kFreeSpace = 1ULL << 40;
constexpr std::size_t kFindingsMax = 3;

// A disk with a history on it, at rest.
struct AtRest {
    SimDisk disk;
    Model model;
};

AtRest make_history(const CrashWorkload& workload, bool clean_stop, engine::Arena& arena) {
    SimDisk disk;
    disk.set_free_space(kFreeSpace);
    CrashRun run(disk,
                 arena,
                 make_model(workload),
                 engine_options(workload, workload.shards, workload.seed));
    run.recover(Ending::stopped);
    run.work(workload, workload.batches, workload.seed);
    run.idle(std::chrono::seconds(3));  // Every acknowledged group is known to be flushed.
    AtRest at_rest{disk.killed(), run.model()};
    run.stop();
    if (clean_stop) at_rest = {disk.killed(), run.model()};
    return at_rest;
}

// No checksum of Kafka's format covers the leader epoch of a batch.
bool in_leader_epoch(const std::vector<std::byte>& segment, std::uint64_t at) {
    std::uint64_t position = 0;
    while (position < at) {
        const auto batch = engine::BatchView::parse(engine::Bytes(segment).subspan(position));
        if (!batch) return false;
        const auto epoch = position + engine::batch_at::kLeaderEpoch;
        if (at >= epoch && at < epoch + 4) return true;
        position += batch->size();
    }
    return false;
}

class Damage {
public:
    Damage(const CrashWorkload& workload,
           AtRest at_rest,
           DamageAnswer allowed,
           engine::Arena& arena)
            : workload_(workload), at_rest_(std::move(at_rest)), allowed_(allowed), arena_(arena) {}

    [[nodiscard]] DamageReport run(DamageKind kind, const std::string& suffix);

private:
    [[nodiscard]] static bool is_zero(const std::vector<std::byte>& bytes, std::uint64_t block);
    [[nodiscard]] std::vector<std::string> files(const std::string& suffix) const;
    static void spoil(SimDisk& disk,
                      DamageKind kind,
                      const std::string& path,
                      std::uint64_t block,
                      std::uint64_t bytes);
    void try_start(SimDisk disk, const std::string& what);
    void find(CrashRun& run, const std::string& what, const std::string& wrong);

    const CrashWorkload& workload_;
    AtRest at_rest_;
    DamageAnswer allowed_;
    engine::Arena& arena_;
    DamageReport report_;
};

bool Damage::is_zero(const std::vector<std::byte>& bytes, std::uint64_t block) {
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(block * kBlockBytes);
    const auto length = std::min<std::ptrdiff_t>(kBlockBytes, bytes.end() - begin);
    return std::all_of(begin, begin + length, [](std::byte byte) { return byte == std::byte{0}; });
}

std::vector<std::string> Damage::files(const std::string& suffix) const {
    auto paths = at_rest_.disk.files();
    std::erase_if(paths, [&](const auto& path) { return !path.ends_with(suffix); });
    return paths;
}

void Damage::spoil(SimDisk& disk,
                   DamageKind kind,
                   const std::string& path,
                   std::uint64_t block,
                   std::uint64_t bytes) {
    const auto position = block * kBlockBytes;
    const auto length = std::min(kBlockBytes, bytes - position);
    if (kind == DamageKind::unreadable) {
        disk.make_unreadable(path, position, length);
    } else if (kind == DamageKind::flipped) {
        auto contents = disk.contents(path);
        auto at = position + (block * 389 + 57) % length;
        if (path.ends_with(".log") && in_leader_epoch(contents, at)) at += 4;
        contents[at] ^= std::byte{0x10};
        disk.overwrite(path, at, {contents.data() + at, 1});
    } else {
        disk.overwrite(path, position, std::vector<std::byte>(length));
    }
}

DamageReport Damage::run(DamageKind kind, const std::string& suffix) {
    const auto newest = newest_checkpoint_slot(at_rest_.disk);
    for (const auto& path : files(suffix)) {
        if (kind == DamageKind::file_gone) {
            SimDisk disk = at_rest_.disk;
            disk.remove(path);
            try_start(std::move(disk), path + " is gone");
            continue;
        }
        const auto bytes = at_rest_.disk.contents(path);
        for (std::uint64_t block = 0; block * kBlockBytes < bytes.size(); ++block) {
            if (is_zero(bytes, block)) continue;
            if (report_.findings.size() >= kFindingsMax) return report_;
            SimDisk disk = at_rest_.disk;
            if (kind == DamageKind::newest_slot && !newest.empty()) {
                spoil(disk, DamageKind::zeroed, newest, 0, disk.contents(newest).size());
            }
            spoil(disk, kind, path, block, bytes.size());
            try_start(std::move(disk), fmt::format("{} block {} is spoiled", path, block));
        }
    }
    return report_;
}

void Damage::try_start(SimDisk disk, const std::string& what) {
    CrashRun run(disk,
                 arena_,
                 at_rest_.model,
                 engine_options(workload_, workload_.next_shards, workload_.seed + 1));
    run.expect_faults();
    ++report_.runs;
    if (!run.recover(Ending::power_cut)) {
        ++report_.refusals;
        if (allowed_ != DamageAnswer::anything_said) find(run, what, "the start was refused");
    } else {
        run.work(workload_, 2, workload_.seed);
        run.read_everything();
        if (run.failed_reads() != 0) ++report_.failed_reads;
        if (run.failed_reads() != 0 && allowed_ == DamageAnswer::nothing) {
            find(run, what, "reads failed");
        }
        if (run.host().failure()) find(run, what, "the engine failed");
        run.stop();
    }
    for (const auto& wrong : run.wrong())
        find(run, what, wrong);
}

void Damage::find(CrashRun& run, const std::string& what, const std::string& wrong) {
    report_.findings.push_back(fmt::format("{} (seed {}), {}: {}\n{}",
                                           workload_.name,
                                           workload_.seed,
                                           what,
                                           wrong,
                                           run.host().events()));
}

}  // namespace

DamageReport damage(const CrashWorkload& workload,
                    DamageKind kind,
                    const std::string& suffix,
                    bool after_clean_stop,
                    DamageAnswer allowed,
                    engine::Arena& arena) {
    Damage damage(workload, make_history(workload, after_clean_stop, arena), allowed, arena);
    return damage.run(kind, suffix);
}

}  // namespace millrace::testing
