// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A change of the catalogue that somebody asks for, and what became of it.
#pragma once

#include "engine/types.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::broker {

enum class TopicAction : std::uint8_t { create, remove, grow, alter };

enum class CatalogProblem : std::uint8_t {
    none,
    unknown_topic,
    topic_exists,
    invalid_topic_name,
    invalid_partition_count,
    invalid_config,
    storage_full,
    storage_failed,
    unusable_files,
    shutting_down,
};

struct ConfigEdit {
    std::string key;
    std::optional<std::string> value;  // None: back to the default.
};

struct TopicCommandItem {
    // In. An id that is not zero wins over the name; create needs a name.
    std::string name;
    engine::TopicId id;
    std::uint32_t partitions = 0;   // create: 0, the broker's default. grow: the new total.
    std::vector<ConfigEdit> edits;  // create, alter.
    // create, as the only item, with the number of partitions: the topic begins with the files in
    // this folder of kRestoreDirectory. Empty: it begins empty.
    std::string staged;

    // Out. name, id and partitions of the topic as it is now.
    CatalogProblem problem = CatalogProblem::none;
    std::string message;  // A sentence: the problem, else a warning or nothing.
};

// Owned by the caller, kept still until `done` has run, on shard 0's thread, exactly once. Every
// item stands for itself: some may be carried out and others refused.
struct TopicCommand {
    TopicAction action = TopicAction::create;
    bool validate_only = false;
    std::vector<TopicCommandItem> items;
    void (*done)(TopicCommand& command) noexcept = nullptr;
    void* owner = nullptr;
};

}  // namespace millrace::broker
