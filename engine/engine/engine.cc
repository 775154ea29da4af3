// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include "engine/assert.h"
#include "engine/engine/engine_core.h"
#include "engine/engine/recovery.h"
#include "engine/engine/shard_engine.h"

#include <string>
#include <utility>

namespace millrace::engine {

namespace {

class EngineImpl final : public Engine {
public:
    EngineImpl(const EngineOptions& options, const EngineParts& parts, RecoveredState&& state)
            : core_(options, parts, std::move(state)) {}

    [[nodiscard]] const RecoverySummary& recovery() const noexcept override {
        return core_.state().summary;
    }

    [[nodiscard]] std::unique_ptr<ShardEngine> make_shard(std::uint32_t index,
                                                          Storage& storage) override {
        ASSERT(index < core_.options().shards);
        return std::make_unique<ShardEngineImpl>(core_, index, storage);
    }

    [[nodiscard]] std::vector<PartitionKey> recovered_partitions() const override {
        std::vector<PartitionKey> keys;
        for (const auto& shard : core_.state().shards) {
            for (const auto& [key, partition] : shard.partitions)
                keys.push_back(key);
        }
        return keys;
    }

    void drop_recovered(const PartitionKey& key, std::string_view directory) override {
        ASSERT(!core_.decided());
        auto& shard = core_.state().shards[shard_of(key, core_.options().shards)];
        auto dropped = shard.partitions.extract(key);
        if (!dropped) return;
        shard.dropped.push_back({key, std::string(directory), std::move(dropped.mapped().log)});
    }

    [[nodiscard]] Result<void> recovered_partitions_decided() override {
        ASSERT(!core_.decided());
        bool damaged = false;
        const bool accepted = core_.options().accept_wal_loss;
        for (auto& shard : core_.state().shards) {
            for (auto& [key, partition] : shard.partitions) {
                if (!partition.gap) continue;
                report_gap(core_.parts().events, key, *partition.gap, accepted);
                damaged = damaged || !accepted;
                if (accepted) partition.gap.reset();
            }
        }
        if (damaged) return failure(Errc::damaged_wal);
        core_.decide();
        return {};
    }

    [[nodiscard]] bool failed() const noexcept override {
        return core_.failed().load(std::memory_order_acquire);
    }

private:
    EngineCore core_;
};

}  // namespace

Result<std::unique_ptr<Engine>> Engine::recover(const EngineOptions& options,
                                                const EngineParts& parts,
                                                Storage& storage) {
    ASSERT(options.shards > 0);
    TRY(auto state, recover_state(options, parts, storage));
    return std::make_unique<EngineImpl>(options, parts, std::move(state));
}

}  // namespace millrace::engine
