// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The programs below tests/bench/peers, which have, start and stop the peers and run their clients.
#pragma once

#include "tests/bench/peer_job.h"

#include <expected>
#include <string>

namespace millrace::bench {

struct PeerName {
    std::string_view name;  // "kafka", as run.py has it; a literal
    bool synced = false;    // An acknowledgement means on the disk; else the peer's default.
};

// Why a peer has no figures, on this machine or from now on.
struct LeftOut {
    std::string why;
};

// Versions of broker and client. The first call on a machine downloads and builds what is missing.
std::expected<std::string, LeftOut> prepare_peer(const PeerName& peer);

// A fresh broker, ended and removed with its data whatever happens.
std::expected<JobFigures, LeftOut> job_on_peer(const PeerName& peer,
                                               const BenchOptions& options,
                                               const PeerTimes& times,
                                               const Cores& cores);

}  // namespace millrace::bench
