// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The handle's side of a producer: checks arguments, waits, closes.
#pragma once

#include "core/client_core.h"
#include "millrace/producer.h"
#include "producer/producer_state.h"

#include <memory>

namespace millrace::detail {

class ProducerCore {
public:
    ProducerCore(std::shared_ptr<ClientCore> client, const ProducerOptions& options);
    ~ProducerCore();  // Closes.
    ProducerCore(const ProducerCore&) = delete;
    ProducerCore& operator=(const ProducerCore&) = delete;

    static Result<void> check(const ProducerOptions& options);

    Result<void> send(const Record& record, Producer::Callback callback);
    Result<void> append_at(const std::string& topic,
                           std::uint32_t partition,
                           std::int64_t expected_offset,
                           const std::vector<Record>& records,
                           Producer::Callback callback);
    Result<std::vector<Ack>> append_atomic(const std::vector<Record>& records,
                                           const std::vector<ExpectedOffset>& expected);
    Result<void> flush(std::chrono::milliseconds timeout);
    Result<void> close(std::chrono::milliseconds timeout);

    [[nodiscard]] bool on_io_thread() const { return client_->loop()->on_thread(); }

    [[nodiscard]] ProducerStatistics statistics() const { return state_->statistics(); }

private:
    [[nodiscard]] Result<void> check(const Record& record, std::size_t cost) const;

    std::shared_ptr<ClientCore> client_;    // Shared with every handle of the client.
    std::shared_ptr<ProducerState> state_;  // Shared with the I/O thread.
    const std::size_t buffer_bytes_;
    const Acks acks_;
    const Compression compression_;
};

}  // namespace millrace::detail
