// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "millrace/client.h"
#include "millrace/export.h"
#include "millrace/record.h"
#include "millrace/result.h"
#include "millrace/types.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

namespace millrace {

namespace detail {
class ProducerCore;
}

// What send() does when buffer_bytes are waiting for their acknowledgement.
enum class OnFull : std::uint8_t {
    block,  // Waits for room, at most delivery_timeout, then fails with buffer_full.
    fail,   // Fails at once with buffer_full.
};

struct ProducerOptions {
    Acks acks = Acks::all;
    Durability durability = Durability::topic;
    Compression compression = Compression::none;
    // A batch is sent when it holds this many bytes, or when its first record has waited for
    // `linger`, or sooner when its partition's neighbours are sent anyway. Linger 0 sends what is
    // there as soon as the partition has nothing in flight: batches then grow with the load.
    std::uint32_t batch_bytes = 256 * 1024;
    std::chrono::microseconds linger{0};
    // From send() to acknowledgement or failure, retries included.
    std::chrono::milliseconds delivery_timeout{120'000};
    std::chrono::milliseconds retry_delay_min{20};     // Doubles with each try of a batch ...
    std::chrono::milliseconds retry_delay_max{1'000};  // ... up to this.
    std::size_t buffer_bytes = 64U << 20;              // Of records not yet acknowledged.
    OnFull on_full = OnFull::block;
    // Batches of one partition on their way at a time. An idempotent producer may have up to 5, in
    // order whatever is retried. One that is not has the order with 1 alone: with more, a batch
    // that is refused and sent again may come to lie behind later ones.
    std::uint32_t in_flight_per_partition = 1;
    // Every batch bears the producer's id and a number, so that the broker stores it once however
    // often it is sent. Off with Acks::none, and with brokers that give no ids.
    bool idempotent = true;
    // Requests on their way at a time: what becomes ready meanwhile goes together in the next one.
    std::uint32_t requests_in_flight = 5;
};

// A record is stored.
struct Ack {
    std::string topic;
    std::uint32_t partition = 0;
    std::int64_t offset = -1;        // -1 with Acks::none, and of what was stored too long ago.
    std::int64_t timestamp_ms = -1;  // What the broker stored: the record's, or its append time.
};

// For a conditional append to several partitions.
struct ExpectedOffset {
    std::string topic;
    std::uint32_t partition = 0;
    std::int64_t offset = 0;
};

struct ProducerStatistics {
    std::uint64_t records_sent = 0;
    std::uint64_t records_acknowledged = 0;
    std::uint64_t records_failed = 0;
    std::uint64_t batches = 0;
    std::uint64_t requests = 0;
    std::uint64_t retries = 0;  // Batches sent again.
    std::uint64_t bytes = 0;    // Of acknowledged batches as sent: compressed, with their headers.
};

// Sends records, in batches, with retries.
//
// Lifecycle:   open, send any number, close. The destructor closes.
// Thread:      every call from any thread; send() keeps the order of one thread's calls.
// Ownership:   send() copies what it needs before it returns.
// Order:       records of one partition are stored in the order of their sends, and acknowledged
//              in that order.
// Durability:  an acknowledgement means what ProducerOptions::durability and the topic's class
//              say, the stronger of the two. A failure with timed_out or disconnected means
//              unknown: the record may be stored.
// Duplicates:  none of an idempotent producer, as long as it lives: a batch whose answer did not
//              come is sent again and known again, also by a broker that was restarted. A record
//              that failed with timed_out may be stored, and a program that sends it anew sends
//              another record. Without idempotence a batch that is sent again may be stored twice.
//              A failure with out_of_order_sequence means that the broker has lost a batch which it
//              had acknowledged: nothing of this batch is stored.
class MILLRACE_API Producer {
public:
    // Runs exactly once on the I/O thread; must not block or throw. send() may be called from
    // it: with a full buffer it fails instead of waiting.
    using Callback = std::function<void(const Result<Ack>&)>;

    // Errors: invalid_argument.
    static Result<Producer> open(const Client& client, const ProducerOptions& options = {});

    Producer(Producer&&) noexcept;
    Producer& operator=(Producer&&) noexcept;
    ~Producer();

    // Queues a record. Errors of a refused record come back here and `callback` never runs:
    // buffer_full, message_too_large (larger than buffer_bytes or the protocol can carry),
    // invalid_argument, closed. Everything later goes to the callback, which may be empty.
    Result<void> send(const Record& record, Callback callback);

    // The same with a future, which gets every error. Requires: not to be waited for on the I/O
    // thread.
    std::future<Result<Ack>> send(const Record& record);

    // Conditional append: the records go as one batch, stored only if the partition ends at
    // `expected_offset` when the broker comes to it, in order with what was sent to it before. Of
    // many producers that expect the same offset exactly one succeeds, and its records have the
    // offsets from there on; the others fail with unexpected_offset, whose message says where the
    // partition ends, and nothing of theirs is stored. Record::topic and Record::partition may be
    // left out. `callback` runs once, with the Ack of the first record.
    // An answer that was lost is asked for again: an idempotent producer's batch that was stored is
    // then acknowledged as it was, whatever has been appended since. Without idempotence it fails
    // with timed_out or disconnected, and may be stored.
    // Errors: as send(); message_too_large also of all records together.
    Result<void> append_at(const std::string& topic,
                           std::uint32_t partition,
                           std::int64_t expected_offset,
                           const std::vector<Record>& records,
                           Callback callback);

    // The same, and waits for the answer. Errors: also what the callback would get;
    // invalid_argument on the I/O thread.
    Result<Ack> append_at(const std::string& topic,
                          std::uint32_t partition,
                          std::int64_t expected_offset,
                          const std::vector<Record>& records);

    // Atomic append: stores all records or none, whatever crash comes in between, in as many
    // partitions of any topics as they name (at most 1,024), and waits until they are on stable
    // storage, whatever the topics' classes are. One Ack for each record, in order. A record names
    // its partition or has a key. With `expected` nothing is stored unless each of those partitions
    // ends where it is expected to.
    // Not an isolation level: a reader may see one partition's records a moment before another's.
    // Not in order with send(): flush() before, where that counts.
    // Sent once: a refusal means that nothing is stored, but timed_out, disconnected and
    // storage_failed mean unknown. Sent anew, the records may be stored twice, unless they expect
    // offsets: then the second one is refused when the first one was stored.
    // Errors: what the broker answers, with the partition that it is about; invalid_argument (also
    // on the I/O thread); message_too_large: together more than the broker takes at once.
    Result<std::vector<Ack>> append_atomic(const std::vector<Record>& records,
                                           const std::vector<ExpectedOffset>& expected = {});

    // Sends what waits and returns when all records sent before it are acknowledged or failed.
    // Errors: timed_out, invalid_argument (on the I/O thread).
    Result<void> flush(std::chrono::milliseconds timeout = std::chrono::minutes(5));

    // Refuses further sends, flushes, and fails with `closed` what is left after `timeout`.
    Result<void> close(std::chrono::milliseconds timeout = std::chrono::minutes(5));

    [[nodiscard]] ProducerStatistics statistics() const;

private:
    explicit Producer(std::shared_ptr<detail::ProducerCore> core) noexcept;

    std::shared_ptr<detail::ProducerCore> core_;  // Shared with the I/O thread.
};

}  // namespace millrace
