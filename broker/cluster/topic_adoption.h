// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A topic that begins with files that were laid down below the data directory, on its way to every
// shard: each adopts its partitions, or takes out again what it adopted.
#pragma once

#include "broker/cluster/topic.h"
#include "engine/adoption.h"

#include <string>
#include <string_view>
#include <vector>

namespace millrace::broker {

// Below the data directory; each topic's files in a folder of their own.
inline constexpr std::string_view kRestoreDirectory = "restore";

// Thread: each shard writes its own op; shard 0 reads them when all are back.
struct TopicAdoption {
    TopicRef topic;
    std::string source;
    bool undo = false;
    std::vector<engine::AdoptOp> ops;  // By shard.

    // The first refusal; null: there is none.
    [[nodiscard]] const engine::AdoptOp* refused() const noexcept;
};

}  // namespace millrace::broker
