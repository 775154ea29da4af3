// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A consumer as its caller and the I/O thread share it: what is assigned, what has arrived.
//
// Lifecycle:   make, open (on the loop), use, shutdown (on the loop). Kept alive by its handle, by
//              posted tasks and by fetches in flight.
// Thread:      one mutex; the calls under "the caller" from one thread at a time, wake() from any,
//              the rest on the loop's thread.
#pragma once

#include "codec/messages.h"
#include "consumer/assigned_partition.h"
#include "consumer/fetch_session.h"
#include "millrace/consumer.h"
#include "net/link.h"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace millrace::detail {

struct FetchCall;

class ConsumerState final : public std::enable_shared_from_this<ConsumerState>,
                            private LinkListener {
public:
    using Partitions = std::map<TopicPartition, std::shared_ptr<AssignedPartition>>;

    ConsumerState(std::shared_ptr<EventLoop> loop,
                  LinkOptions link_options,
                  std::chrono::milliseconds request_timeout,
                  const ConsumerOptions& options);
    ~ConsumerState() = default;
    ConsumerState(const ConsumerState&) = delete;
    ConsumerState& operator=(const ConsumerState&) = delete;

    // The caller. What was fetched for other positions is dropped.
    void assign(std::vector<std::shared_ptr<AssignedPartition>> partitions);
    void seek(AssignedPartition& partition, std::int64_t offset);
    [[nodiscard]] std::shared_ptr<AssignedPartition> find(const TopicPartition& name) const;
    [[nodiscard]] std::vector<TopicPartition> assignment() const;
    [[nodiscard]] std::int64_t position(const AssignedPartition& partition) const;
    [[nodiscard]] std::int64_t high_watermark(const AssignedPartition& partition) const;
    [[nodiscard]] Error last_connection_error() const;

    // The next part, at most until `deadline`; none then, or when woken, or when there is an
    // error to be reported first, or when no more will come.
    std::optional<FetchedPart> take(engine::MonotonicTime deadline);
    // As take(), without waiting.
    std::optional<FetchedPart> try_take();
    // poll() has returned what is before it.
    void set_position(AssignedPartition& partition, std::int64_t position);
    // It cannot be read any further.
    void fail(AssignedPartition& partition, const Error& why);
    // A partition's error poll() has not told yet, or, when `again`, any, and then why no more
    // will come.
    [[nodiscard]] std::optional<Error> error_to_report(bool again);

    void wake() noexcept;

    // The loop.
    void open();
    void shutdown();

private:
    friend struct FetchCall;

    void post_pump();
    std::optional<FetchedPart> take_front();
    [[nodiscard]] bool has_error_to_report() const;
    void drop_parts_of(const AssignedPartition* partition);

    void pump();
    bool fill_query(FetchQuery& query, engine::MonotonicTime& next);
    void fetch(const FetchQuery& query);
    void fetched(FetchCall& call, Result<Response> response);
    void fetch_failed(const Error& why);
    void note_connection_error(const Error& why);
    void take_row(const FetchedRow& row, const Response& response);
    void take_batches(const std::shared_ptr<AssignedPartition>& partition,
                      engine::Bytes batches,
                      const Response& response);
    void take_error(const std::shared_ptr<AssignedPartition>& partition, const FetchedRow& row);
    void park(const std::shared_ptr<AssignedPartition>& partition, Error why);

    void link_ready() noexcept override;

    void link_room() noexcept override {}

    void link_lost(const Error& why) noexcept override;

    const std::shared_ptr<EventLoop> loop_;  // Shared by everything that runs on it.
    const LinkOptions link_options_;
    const std::chrono::milliseconds request_timeout_;
    const ConsumerOptions options_;

    // The loop's.
    std::shared_ptr<Link> link_;  // Shared with its socket.
    std::unique_ptr<Timer> timer_;
    FetchSession session_;
    bool fetching_ = false;
    std::uint64_t fetching_generation_ = 0;
    engine::MonotonicTime fetch_not_before_{0};
    std::chrono::milliseconds delay_{0};
    bool shut_ = false;

    mutable std::mutex mutex_;
    std::condition_variable arrived_;
    Partitions partitions_;
    std::map<PartitionKey, std::shared_ptr<AssignedPartition>> by_id_;
    std::uint64_t generation_ = 0;  // Counts assignments and seeks: older fetches are stale.
    std::deque<FetchedPart> parts_;
    std::size_t held_bytes_ = 0;
    bool paused_ = false;  // No room for another fetch: take() starts it again.
    bool woken_ = false;
    Error connection_error_;
    Error refusal_;  // Of the last fetch or greeting: none is tried until assign() or seek().
};

// One fetch request. Owns itself until `done`.
struct FetchCall : Call {
    std::shared_ptr<ConsumerState> state;  // Kept alive until the answer.
    std::uint64_t generation = 0;
};

}  // namespace millrace::detail
