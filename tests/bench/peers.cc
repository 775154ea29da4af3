// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/bench/bench.h"
#include "tests/bench/peer_job.h"
#include "tests/bench/peer_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace millrace::bench {

namespace {

constexpr double kWarmStepShare = 0.05;  // Of options.seconds.
constexpr double kSecondsShare = 0.1;

struct Pair {
    JobFigures ours;
    JobFigures theirs;
};

// One peer in one mode beside Millrace with the same durability.
struct Pairing {
    std::string_view id;
    PeerName peer;
    std::string_view means;  // The acknowledgements of both.
    std::string_view config;
    std::string versions = {};
    std::string left_out = {};  // Why no (more) pairs.
    std::vector<Pair> pinned = {};
    std::vector<Pair> free = {};  // Not pinned.
};

std::vector<Pairing> pairings() {
    return {{"peers-kafka",
             {.name = "kafka", .synced = false},
             "ours written; theirs by default, in the page cache",
             "kafka.properties"},
            {"peers-kafka-synced",
             {.name = "kafka", .synced = true},
             "ours synced; theirs flushed before each acknowledgement (flush.messages=1)",
             "kafka_synced.properties"},
            {"peers-nats",
             {.name = "nats", .synced = false},
             "ours written; JetStream by default, in the page cache, flushed from time to time",
             "nats.conf"},
            {"peers-nats-synced",
             {.name = "nats", .synced = true},
             "ours synced; theirs flushed before each acknowledgement (sync_interval: always)",
             "nats_synced.conf"},
            {"peers-rabbitmq",
             {.name = "rabbitmq", .synced = false},
             "ours written; a stream by default, in the page cache; it has no mode that flushes",
             "rabbitmq.conf"}};
}

Durability durability_of(const PeerName& peer) {
    return peer.synced ? Durability::synced : Durability::written;
}

void prepare(Pairing& pairing) {
    auto versions = prepare_peer(pairing.peer);
    if (versions) {
        pairing.versions = std::move(*versions);
    } else {
        pairing.left_out = std::move(versions.error().why);
    }
}

// One pair, unless the peer has failed before.
void run_pair(Pairing& pairing, const BenchOptions& options, bool pinned) {
    if (!pairing.left_out.empty()) return;
    const PeerTimes times{.warm_step = options.seconds * kWarmStepShare,
                          .seconds = options.seconds * kSecondsShare};
    const Cores cores(pinned);
    const auto ours = job_on_millrace(options, times, durability_of(pairing.peer), cores);
    auto theirs = job_on_peer(pairing.peer, options, times, cores);
    if (!theirs) {
        pairing.left_out = std::move(theirs.error().why);
        return;
    }
    (pinned ? pairing.pinned : pairing.free).push_back({ours, *theirs});
}

std::string spread_of(const std::vector<double>& values, int digits) {
    const auto [least, most] = std::ranges::minmax(values);
    return fmt::format(
            "{:.{}f} ({:.{}f} to {:.{}f})", median(values), digits, least, digits, most, digits);
}

using Figure = std::function<double(const JobFigures&)>;

double produced_of(const JobFigures& figures) {
    return figures.produced;
}

double read_of(const JobFigures& figures) {
    return figures.read;
}

std::string figures_of(const std::vector<Pair>& pairs, const Figure& figure) {
    std::vector<double> ours;
    std::vector<double> theirs;
    std::vector<double> ratios;
    for (const auto& pair : pairs) {
        ours.push_back(figure(pair.ours));
        theirs.push_back(figure(pair.theirs));
        ratios.push_back(ours.back() / theirs.back());
    }
    return fmt::format("ours {} messages/s, theirs {}; {} pairs of ratio {}",
                       spread_of(ours, 0),
                       spread_of(theirs, 0),
                       pairs.size(),
                       spread_of(ratios, 2));
}

double ratio_of(const std::vector<Pair>& pairs, const Figure& figure) {
    std::vector<double> ratios;
    for (const auto& pair : pairs)
        ratios.push_back(figure(pair.ours) / figure(pair.theirs));
    return median(ratios);
}

// A ratio is shown, whatever it is.
Row printed_row(std::string id) {
    Row row;
    row.id = std::move(id);
    row.unit = "x";
    row.bound_text = "printed";
    row.limit = [](const Probes&) { return 0.0; };
    return row;
}

Row row_of(const Pairing& pairing,
           const std::string& id,
           const std::string& what,
           const Figure& figure) {
    auto row = printed_row(id);
    row.durable = pairing.peer.synced;
    if (pairing.pinned.empty()) {
        row.unit = "left out";
        row.note = pairing.left_out;
        return row;
    }
    row.value = ratio_of(pairing.pinned, figure);
    row.note = fmt::format("{}; {}; {}", what, pairing.means, figures_of(pairing.pinned, figure));
    if (!pairing.free.empty()) {
        row.note += fmt::format("; with all cores for both, once: {:.2f}",
                                ratio_of(pairing.free, figure));
    }
    row.note += fmt::format("; {}, tests/bench/peers/config/{}", pairing.versions, pairing.config);
    if (!pairing.left_out.empty()) row.note += "; then it failed: " + pairing.left_out;
    return row;
}

// Ours with flushes beside theirs without, both from the same round.
Row handicap_of(const Pairing& synced, const Pairing& theirs) {
    Pairing mixed = theirs;
    mixed.means = "ours synced, theirs by default in the page cache: a handicap for ours";
    mixed.pinned.resize(std::min(synced.pinned.size(), theirs.pinned.size()));
    mixed.free.resize(std::min(synced.free.size(), theirs.free.size()));
    for (std::size_t i = 0; i < mixed.pinned.size(); ++i)
        mixed.pinned[i].ours = synced.pinned[i].ours;
    for (std::size_t i = 0; i < mixed.free.size(); ++i)
        mixed.free[i].ours = synced.free[i].ours;
    if (mixed.left_out.empty()) mixed.left_out = synced.left_out;
    auto row = row_of(mixed, fmt::format("{}-handicap", theirs.id), "produce", produced_of);
    row.durable = true;
    return row;
}

std::vector<Row> rows_of(const std::vector<Pairing>& all) {
    const std::string what =
            "produce; 1 KiB messages, half compressible, one partition, 4,096 unacknowledged, "
            "broker and client on a core each";
    std::vector<Row> rows;
    for (const auto& pairing : all) {
        rows.push_back(row_of(pairing, std::string(pairing.id), what, produced_of));
        if (!pairing.peer.synced) {
            rows.push_back(row_of(
                    pairing, fmt::format("{}-read", pairing.id), "read the same back", read_of));
        }
    }
    rows.push_back(handicap_of(all[1], all[0]));
    return rows;
}

}  // namespace

std::vector<Row> measure_peers(const BenchOptions& options) {
    auto all = pairings();
    for (auto& pairing : all)
        prepare(pairing);
    for (int round = 0; round <= options.repeats; ++round) {
        const bool pinned = round < options.repeats;
        for (auto& pairing : all)
            run_pair(pairing, options, pinned);
    }
    return rows_of(all);
}

}  // namespace millrace::bench
