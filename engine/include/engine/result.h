// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Operating errors are values. An Error is trivial: text is made where it is logged or answered.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>
#include <utility>

namespace millrace::engine {

enum class Errc : std::uint16_t {
    // Input.
    corrupt_batch = 1,       // Checksum, lengths or counts of a record batch are wrong.
    unsupported_batch,       // Magic, codec, control bit or grouping that is not supported.
    batch_too_large,         // Over max.message.bytes or a limit of the log.
    invalid_timestamp,       // Too far in the future or past, or below -1.
    offset_out_of_range,     // Below the log start or above the log end.
    log_truncated,           // The reader's epoch ended at an earlier offset than it asks for.
    unexpected_offset,       // The log does not end where a conditional append expects it.
    duplicate_sequence,      // Its producer sent it before, and not among its last batches.
    out_of_order_sequence,   // A batch of its producer is missing before it.
    invalid_producer_epoch,  // A newer epoch of its producer is known.
    missing_key,             // A record without a key, for a log that is compacted.
    // Room.
    no_room,            // The dirty bound is reached: park, wait for room, try again.
    storage_full,       // The file system is full: refused until there is space again.
    log_held,           // An atomic append holds the log: park, wait for its end, try again.
    producers_unread,   // What is known of producers is on disk: park, wait for it, try again.
    records_unchecked,  // Compressed batches have to be opened: see Log::check_records().
    // Data.
    damaged_range,      // Stored bytes fail their checks: these offsets cannot be read.
    damaged_wal,        // A group that had been flushed is missing or bad.
    unknown_topic_id,   // The WAL holds data of a topic that metadata do not know.
    newer_format,       // Written by a later version.
    foreign_directory,  // Not, or no longer, a data directory of this kind.
    locked,             // Another process owns the data directory.
    // Final.
    io_failed,      // Any other failed operation; os_errno says which.
    shutting_down,  // Poisoned or stopping: nothing is appended any more.
};

struct Error {
    Errc code = Errc::io_failed;
    int os_errno = 0;

    constexpr bool operator==(const Error&) const = default;
};

// "io_failed"; the same spelling as the enumerator.
[[nodiscard]] std::string_view name_of(Errc code) noexcept;

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> failure(Errc code, int os_errno = 0) {
    return std::unexpected(Error{code, os_errno});
}

}  // namespace millrace::engine

#define MILLRACE_CONCAT_(a, b) a##b
#define MILLRACE_CONCAT(a, b) MILLRACE_CONCAT_(a, b)
#define MILLRACE_TRY_(t, declaration, expression) \
    auto t = (expression);                        \
    if (!t) return std::unexpected(t.error());    \
    declaration = *std::move(t)

// TRY(const auto x, f()): returns f's error, or declares x.
#define TRY(declaration, expression) \
    MILLRACE_TRY_(MILLRACE_CONCAT(try_, __LINE__), declaration, expression)

// TRY_VOID(f()): returns f's error, or goes on.
#define TRY_VOID(expression)                                                                   \
    if (auto MILLRACE_CONCAT(try_, __LINE__) = (expression); !MILLRACE_CONCAT(try_, __LINE__)) \
    return std::unexpected(MILLRACE_CONCAT(try_, __LINE__).error())
