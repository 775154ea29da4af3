// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The topics of the broker: the one place where they change.
//
// Lifecycle:   load once; then commands; stop. Dies with shard 0's service.
// Thread:      shard 0's.
// Durability:  a command is done when its records are flushed and every shard has acted on them:
//              a produce right after it works on any connection.
// Order:       commands are carried out in the order given, but for a name that is being deleted:
//              making it again waits until its folders are gone.
#pragma once

#include "broker/cluster/catalog_publisher.h"
#include "broker/cluster/catalog_snapshot.h"
#include "broker/cluster/catalog_state.h"
#include "broker/cluster/metadata_log.h"
#include "broker/cluster/producer_ids.h"
#include "broker/cluster/topic_command.h"
#include "broker/cluster/topic_restore.h"
#include "engine/engine.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace millrace::broker {

struct TopicCatalogOptions {
    engine::LogConfig topic_defaults;
    std::uint32_t default_partitions = 1;
    bool accept_wal_loss = false;
    std::uint64_t snapshot_bytes_min = 1024 * 1024UL;  // See CatalogSnapshot.
};

class TopicCatalog {
public:
    TopicCatalog(const TopicCatalogOptions& options,
                 engine::Engine& engine,
                 engine::ShardEngine& shard,
                 engine::ShardPost& post,
                 engine::EventLog& events);
    TopicCatalog(const TopicCatalog&) = delete;
    TopicCatalog& operator=(const TopicCatalog&) = delete;

    using OnDone = std::move_only_function<void(engine::Result<void>)>;

    // Reads the metadata log, drops recovered partitions of deleted topics, and tells the engine
    // that all is decided. Errors: unknown_topic_id (data of a topic that never was; with
    // accept_wal_loss a warning, and the data stay where they are), damaged_range, newer_format,
    // io_failed.
    void load(OnDone done);

    // Recovered partitions of live topics, after load.
    [[nodiscard]] const std::vector<engine::PartitionKey>& recovered() const noexcept {
        return recovered_;
    }

    // A shard joins: it gets everything now, and then every change. Requires: loaded.
    [[nodiscard]] CatalogChangeRef subscribe(std::uint32_t shard, CatalogSubscriber& subscriber);

    void run(TopicCommand& command);

    void give_producer_id(ProducerIdRequest& request);

    // Commands that wait, and later ones, are refused with shutting_down; `done` runs when those
    // whose records were appended have been answered.
    void stop(std::move_only_function<void()> done);

private:
    void run_queued();
    enum class Step : std::uint8_t { done, wait };
    [[nodiscard]] Step run_first(TopicCommand& command);
    [[nodiscard]] Step restore(TopicCommand& command, const CatalogChangeRef& change);
    // `change`: what to append when it is done; null: nothing.
    [[nodiscard]] TopicRestore::OnDone on_restored(TopicCommand& command, CatalogChangeRef change);
    void refuse_restore(TopicCommand& command,
                        const engine::Error& error,
                        const std::string& fault);
    [[nodiscard]] Step append(TopicCommand& command, CatalogChangeRef change);
    // Of an append that was refused.
    [[nodiscard]] Step refused(TopicCommand& command, const engine::Error& error);
    [[nodiscard]] bool waits_for_deletion(const TopicCommand& command) const;
    void flushed(const CatalogChangeRef& change,
                 TopicCommand& command,
                 engine::Result<void> outcome);
    void tell(const TopicCommand& command);
    void answered(const CatalogChange& change);
    void wait_for_room(std::uint64_t bytes);
    [[nodiscard]] Step write_snapshot();
    [[nodiscard]] Step reserve_producer_ids();
    void producer_ids_reserved(std::int64_t first, engine::Result<void> outcome);
    void fail(TopicCommand& command, CatalogProblem problem, std::string_view message);
    void maybe_stopped();

    TopicCatalogOptions options_;
    engine::Engine& engine_;
    engine::ShardEngine& shard_;
    engine::EventLog& events_;
    CatalogPublisher publisher_;
    CatalogState state_;
    MetadataLog log_;
    CatalogSnapshot snapshot_;
    TopicRestore restore_;
    CatalogChangeRef restored_;  // Of the first command: its files are adopted.
    std::vector<engine::PartitionKey> recovered_;

    ProducerIds producer_ids_;
    std::deque<TopicCommand*> queue_;
    std::vector<TopicCommand*> deferred_;  // Wait for a name.
    // Topics whose folders are on their way out, with their names.
    std::map<engine::TopicId, std::string> deleting_;
    engine::RoomWaiter room_;
    bool waiting_for_room_ = false;
    bool running_ = false;
    bool stopping_ = false;
    std::size_t in_flight_ = 0;  // Appended, not answered.
    std::move_only_function<void()> stopped_;
};

}  // namespace millrace::broker
