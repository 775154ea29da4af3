// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Takes samples of the running broker: asks every shard on its own thread, so that nothing is
// locked on the way of a request.
//
// Lifecycle:   made before the shards are launched, destroyed after they have ended; no sample is
//              taken once they are told to end.
// Thread:      set_* the control thread's, sample() any but a shard's.
#pragma once

#include "broker/base/broker_sample.h"
#include "broker/runtime/shard_group.h"
#include "engine/arena.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

namespace millrace::broker {

struct SampledParts {
    ShardGroup& group;
    const engine::StorageRoot& root;
    const engine::Arena& arena;
    const ReceiveBudget& receive;
    const ReceiveBudget& handshake;
    const ResponseBudget& responses;
    const std::vector<std::unique_ptr<Listener>>& listeners;
    double start_time = 0;
};

class BrokerSampler final : public SampleSource {
public:
    explicit BrokerSampler(const SampledParts& parts,
                           std::chrono::milliseconds patience = kPatience);

    // From `serving` on the shards are asked.
    void set_state(NodeState state) noexcept;
    void set_recovery(std::chrono::nanoseconds took) noexcept;

    [[nodiscard]] BrokerSample sample(SampleDetail detail) override;

private:
    struct Question : engine::PostedTask {
        BrokerSampler* sampler = nullptr;
        Shard* shard = nullptr;
        SampleDetail detail = SampleDetail::none;
        ShardSample answer;
        bool pending = false;  // Posted and not answered.
        // The shard's alone, while it is pending.
        ShardSample taken;
        std::unique_ptr<SampleWalk> walk;
    };

    static void begin(engine::PostedTask& task) noexcept;
    static void go_on(engine::PostedTask& task) noexcept;
    static void answer(Question& question) noexcept;
    void ask(SampleDetail detail);
    void add_process(BrokerSample& sample) const;

    const SampledParts parts_;
    const std::chrono::milliseconds patience_;
    std::atomic<NodeState> state_{NodeState::starting};
    std::atomic<std::chrono::nanoseconds> recovery_{};
    std::mutex mutex_;
    std::condition_variable all_answered_;
    std::vector<std::unique_ptr<Question>> questions_;
};

}  // namespace millrace::broker
