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
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

namespace detail {
class ConsumerCore;
struct RecordsContent;
}  // namespace detail

// What poll() does when a position lies outside its partition's log.
enum class OnOutOfRange : std::uint8_t { fail, start, end };

struct ConsumerOptions {
    std::uint32_t fetch_bytes_max = 8U << 20;      // One answer; a single larger batch still comes.
    std::uint32_t partition_bytes_max = 1U << 20;  // Of one partition in an answer.
    std::uint32_t fetch_bytes_min = 1;             // The broker waits for this much ...
    std::chrono::milliseconds fetch_wait_max{500};  // ... at most this long.
    std::size_t prefetch_bytes = 32U << 20;         // Held for polls to come; no fetch beyond it.
    std::size_t poll_records_max = 10'000;
    std::size_t decompressed_bytes_max = 128U << 20;  // Of one batch.
    OnOutOfRange on_out_of_range = OnOutOfRange::fail;
    bool check_crc = true;
};

// Records from one poll. Views into it live as long as it, or a copy of it (copies share).
class MILLRACE_API Records {
public:
    Records() = default;

    [[nodiscard]] const RecordView* begin() const noexcept { return first_; }

    [[nodiscard]] const RecordView* end() const noexcept { return first_ + count_; }

    [[nodiscard]] std::size_t size() const noexcept { return count_; }

    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }

    [[nodiscard]] const RecordView& operator[](std::size_t index) const noexcept {
        return first_[index];
    }

private:
    friend class detail::ConsumerCore;

    std::shared_ptr<detail::RecordsContent> content_;  // Shared by copies of this object.
    const RecordView* first_ = nullptr;
    std::size_t count_ = 0;
};

struct Assignment {
    TopicPartition partition;
    Position from;  // The start, unless said otherwise.
};

// Reads partitions of its own choice from any position.
//
// Lifecycle:   open, assign, poll as long as wanted. The destructor closes.
// Thread:      one at a time; wake() from any.
// Ownership:   records borrow from the Records that poll() returned.
// Order:       records of a partition come in offset order, each once; partitions are mixed.
//              Offsets may have holes.
// Durability:  a record is visible once it has reached its topic's class.
class MILLRACE_API Consumer {
public:
    // Errors: invalid_argument.
    static Result<Consumer> open(const Client& client, const ConsumerOptions& options = {});

    Consumer(Consumer&&) noexcept;
    Consumer& operator=(Consumer&&) noexcept;
    ~Consumer();

    // Reads exactly these from now on; what was prefetched is dropped. Waits for the broker where
    // a position must be looked up.
    // Errors: unknown_topic, unknown_partition, invalid_argument, unreachable, timed_out. The
    //         assignment is then as before.
    Result<void> assign(const std::vector<Assignment>& assignments);

    // All partitions the topic has now.
    Result<void> assign_topic(std::string_view topic, Position from = Position::start());

    // Errors: as assign(), and not_assigned.
    Result<void> seek(const TopicPartition& partition, Position to);

    // Waits for records, at most `timeout`; no records in time is an empty success.
    // Errors, each naming topic, partition and offset; the position stays, so that the caller may
    // seek past it: corrupt_batch, unsupported_batch, damaged_range, offset_out_of_range,
    // log_truncated, topic_deleted, unknown_partition.
    // Errors of the whole, after the records that had arrived: what the broker answers to a fetch
    // or a greeting and would answer again, as unsupported_version, authentication_required,
    // malformed_request. Nothing is asked any more until assign() or seek().
    // All others are not reported: the consumer goes on trying; last_connection_error() says.
    Result<Records> poll(std::chrono::milliseconds timeout);

    // Ends a poll() that waits, or the next one, with no records. Any thread.
    void wake() noexcept;

    // Offset of the next record poll() will return. Errors: not_assigned.
    [[nodiscard]] Result<std::int64_t> position(const TopicPartition& partition) const;

    // End of what is visible, as of the last answer; -1 before the first. Errors: not_assigned.
    [[nodiscard]] Result<std::int64_t> high_watermark(const TopicPartition& partition) const;

    [[nodiscard]] std::vector<TopicPartition> assignment() const;

    // Why nothing comes: the error of the last failed fetch or reconnect, none since an answer.
    [[nodiscard]] Error last_connection_error() const;

private:
    explicit Consumer(std::shared_ptr<detail::ConsumerCore> core) noexcept;

    std::shared_ptr<detail::ConsumerCore> core_;  // Shared with the I/O thread.
};

}  // namespace millrace
