// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The handle's side of a consumer: looks positions up, turns what arrived into records.
#pragma once

#include "consumer/consumer_state.h"
#include "consumer/part_reader.h"
#include "core/client_core.h"
#include "millrace/consumer.h"

#include <memory>
#include <vector>

namespace millrace::detail {

class ConsumerCore {
public:
    ConsumerCore(std::shared_ptr<ClientCore> client, const ConsumerOptions& options);
    ~ConsumerCore();
    ConsumerCore(const ConsumerCore&) = delete;
    ConsumerCore& operator=(const ConsumerCore&) = delete;

    static Result<void> check(const ConsumerOptions& options);

    Result<void> assign(const std::vector<Assignment>& assignments);
    Result<void> assign_topic(std::string_view topic, Position from);
    Result<void> seek(const TopicPartition& name, Position to);
    Result<Records> poll(std::chrono::milliseconds timeout);

    [[nodiscard]] ConsumerState& state() noexcept { return *state_; }

private:
    Result<void> read_on(RecordsContent& content);
    static Records as_records(std::shared_ptr<RecordsContent> content);

    std::shared_ptr<ClientCore> client_;    // Shared with every handle of the client.
    std::shared_ptr<ConsumerState> state_;  // Shared with the I/O thread.
    const ConsumerOptions options_;
    PartReader reader_{options_};
};

}  // namespace millrace::detail
