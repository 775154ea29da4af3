// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What a producer has on its way.
#pragma once

#include "codec/messages.h"
#include "net/call.h"
#include "producer/accumulator.h"
#include "producer/producer_state.h"

#include <memory>
#include <string>
#include <vector>

namespace millrace::detail {

// One produce request. Owns itself until `done`.
struct ProduceCall : Call {
    std::shared_ptr<ProducerState> state;  // Kept alive until the answer.
    std::vector<TakenBatch> batches;
    std::vector<ProduceRow> rows;  // One for each batch.
};

// One request for a producer id. Owns itself until `done`.
struct IdQuestion : Call {
    std::shared_ptr<ProducerState> state;  // Kept alive until the answer.
};

// One metadata request. Owns itself until `done`.
struct TopicLookUp : Call {
    std::shared_ptr<ProducerState> state;  // Kept alive until the answer.
    std::vector<std::string> names;
};

}  // namespace millrace::detail
