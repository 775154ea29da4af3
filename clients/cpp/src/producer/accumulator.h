// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Records waiting to be sent, as batches per partition. Decides what is sent together and when;
// knows neither threads nor sockets.
//
// Thread:      one at a time: its owner's mutex. `now` is the caller's clock.
// Order:       batches of a partition leave in the order of their records, a batch given back
//              before younger ones.
#pragma once

#include "millrace/producer.h"
#include "producer/partitioner.h"
#include "producer/pending_batch.h"
#include "producer/sequences.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::detail {

struct NewRecord {
    engine::RecordParts parts;  // Borrowed for the call.
    std::optional<std::uint32_t> partition;
    std::size_t cost = 0;
};

struct TopicQueues;

struct PartitionQueue {
    TopicQueues* topic = nullptr;
    std::uint32_t partition = 0;
    std::deque<std::unique_ptr<PendingBatch>> batches;
    std::uint32_t in_flight = 0;  // Batches on their way.
    Sequences sequences;          // Of an idempotent producer.
    bool listed = false;          // Among the queues that have batches.
    std::uint64_t taken_at = 0;   // Number of the take() that served it last.
};

// A record whose partition cannot be chosen before the topic's metadata are here: on its own feet.
struct UnplacedRecord;

struct TopicQueues {
    TopicQueues();
    ~TopicQueues();

    std::string name;
    bool known = false;
    Uuid id;
    std::vector<std::unique_ptr<PartitionQueue>> partitions;
    std::uint32_t partition_count = 0;  // May be below partitions.size() after a recreation.
    std::uint32_t sticky = UINT32_MAX;
    std::size_t batch_bytes_max = 0;  // Shrinks when the topic refuses larger ones.
    std::deque<UnplacedRecord> unplaced;

    // The look-up of its metadata.
    bool wanted = false;
    bool looking_up = false;
    engine::MonotonicTime look_up_at{0};
    engine::MonotonicTime looked_up_at{0};  // Last success.
    engine::MonotonicTime missing_since{0};
};

struct TakenBatch {
    PartitionQueue* queue = nullptr;
    std::unique_ptr<PendingBatch> batch;
};

struct TakeLimits {
    std::size_t target = 0;       // Bytes of one request, unless its first batch alone has more.
    std::size_t room = 0;         // Bytes that may be sent now.
    std::size_t request_max = 0;  // Bytes that may ever be sent at once.
    std::size_t batches = SIZE_MAX;
};

struct FailedBatch {
    std::string topic;
    std::uint32_t partition = 0;
    std::unique_ptr<PendingBatch> batch;
    Error why;
};

class Accumulator {
public:
    Accumulator(const ProducerOptions& options, std::uint64_t seed);
    ~Accumulator();
    Accumulator(const Accumulator&) = delete;
    Accumulator& operator=(const Accumulator&) = delete;

    // True when somebody should look at take() or next_event() again.
    bool add(std::string_view topic,
             const NewRecord& record,
             Delivery delivery,
             engine::MonotonicTime now);

    // The same of records of one partition that are sent as one batch, only to where it ends at
    // `expected_offset`. The first record's delivery is the batch's. Requires: there are records.
    bool add_conditional(std::string_view topic,
                         std::uint32_t partition,
                         std::int64_t expected_offset,
                         std::span<const NewRecord> records,
                         Delivery delivery,
                         engine::MonotonicTime now);

    // Batches for one request, at most one per partition: all that may go when at least one must,
    // longest not served first. What no request can carry goes to `too_large`.
    std::vector<TakenBatch> take(engine::MonotonicTime now,
                                 const TakeLimits& limits,
                                 std::vector<TakenBatch>& too_large);

    // Batches bear numbers from now on. Until an id is here none is taken of a partition that has
    // had none.
    void number_batches() noexcept { numbers_ = true; }

    // The broker gives no ids: batches bear no numbers.
    void cannot_number() noexcept { numbers_ = false; }

    void set_producer_id(std::int64_t id) noexcept { producer_id_ = id; }

    // The broker has refused one: what expires meanwhile says why.
    void id_refused(const Error& why) { id_refusal_ = why; }

    // Something waits that cannot be taken without an id.
    [[nodiscard]] bool wants_producer_id() const noexcept;

    // A taken batch was refused for its number. Requires: it bears one.
    [[nodiscard]] SequenceRemedy number_refused(PartitionQueue& queue,
                                                const PendingBatch& batch,
                                                ErrorCode code) noexcept;

    // A taken batch comes back, to be sent again at its not_before.
    void give_back(PartitionQueue& queue, std::unique_ptr<PendingBatch> batch);
    // A taken batch was too large for the topic: its halves take its place.
    void give_back_split(PartitionQueue& queue, std::unique_ptr<PendingBatch> batch);
    // A taken batch has got its answer, or gets none any more.
    void finished(PartitionQueue& queue,
                  const PendingBatch& batch,
                  bool stored,
                  engine::MonotonicTime now) noexcept;
    // Memory of a batch that is not needed any more.
    void recycle(std::unique_ptr<PendingBatch> batch) noexcept;

    // Whatever waits longer than its deadline, or all of it.
    void expire(engine::MonotonicTime now, std::vector<FailedBatch>& failed);
    void fail_all(const Error& why, std::vector<FailedBatch>& failed);
    void fail_topic(TopicQueues& topic, const Error& why, std::vector<FailedBatch>& failed);

    // Why nothing can be sent at the moment: what expires meanwhile says so.
    void note(const Error& why);

    // When take(), expire() or topics_to_look_up() have something next; max() when never.
    [[nodiscard]] engine::MonotonicTime next_event(engine::MonotonicTime now) const noexcept;

    // Metadata.
    [[nodiscard]] TopicQueues* find(std::string_view topic) noexcept;
    void want_metadata(TopicQueues& topic, engine::MonotonicTime at) noexcept;
    [[nodiscard]] std::vector<TopicQueues*> topics_to_look_up(engine::MonotonicTime now,
                                                              std::size_t count_max);
    void set_topic(TopicQueues& topic,
                   const Uuid& id,
                   std::uint32_t partitions,
                   engine::MonotonicTime now,
                   std::vector<FailedBatch>& failed);

    // Everything added before is sent without waiting for its linger. Returns the epoch to ask
    // flushed() about.
    std::uint64_t begin_flush() noexcept;
    [[nodiscard]] bool flushed(std::uint64_t epoch) const noexcept;
    // That many records of this epoch are acknowledged or failed, and their callbacks have run.
    void settle(std::uint64_t epoch, std::uint64_t records) noexcept;

    [[nodiscard]] bool empty() const noexcept { return unsettled_.empty(); }

    [[nodiscard]] bool has_waiting() const noexcept { return !listed_.empty(); }

private:
    bool place(TopicQueues& topic,
               const NewRecord& record,
               Delivery delivery,
               engine::MonotonicTime now,
               engine::MonotonicTime deadline,
               std::uint64_t epoch);
    TopicQueues& topic_of(std::string_view name);
    void place_batch(PartitionQueue& queue, std::unique_ptr<PendingBatch> batch);
    std::uint32_t choose(TopicQueues& topic, const NewRecord& record, std::uint64_t epoch);
    void list(PartitionQueue& queue);
    void unlist_empty() noexcept;
    void came_back(PartitionQueue& queue, const PendingBatch& batch) noexcept;

    [[nodiscard]] bool lacks_producer_id(const PartitionQueue& queue) const noexcept {
        return numbers_ && producer_id_ < 0 && !queue.sequences.has_producer();
    }

    void insert_by_age(PartitionQueue& queue, std::unique_ptr<PendingBatch> batch);
    [[nodiscard]] bool may_go(const PartitionQueue& queue, engine::MonotonicTime now) const;
    [[nodiscard]] engine::MonotonicTime ready_at(const PartitionQueue& queue) const;
    void fail_unplaced(TopicQueues& topic,
                       UnplacedRecord record,
                       Error why,
                       std::vector<FailedBatch>& failed);
    std::unique_ptr<PendingBatch> new_batch();

    const ProducerOptions options_;
    StickyChoice choice_;
    std::map<std::string, std::unique_ptr<TopicQueues>, std::less<>> topics_;
    std::vector<PartitionQueue*> listed_;  // Those with batches; longest not served first.
    std::vector<std::unique_ptr<PendingBatch>> free_;
    std::uint64_t next_sequence_ = 0;
    bool numbers_ = false;
    std::int64_t producer_id_ = -1;
    Error id_refusal_;
    Error connection_error_;  // Of the last failed connection.
    std::uint64_t takes_ = 0;
    std::uint64_t epoch_ = 1;
    std::map<std::uint64_t, std::uint64_t> unsettled_;  // Flush epoch -> records.
};

}  // namespace millrace::detail
