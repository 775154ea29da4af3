// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/topic_changes.h"

#include "broker/cluster/random_id.h"
#include "broker/cluster/topic_name.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::broker {
namespace {

void refuse(TopicCommandItem& item, CatalogProblem problem, std::string message) {
    item.problem = problem;
    item.message = std::move(message);
}

const Topic* find(const TopicCommandItem& item, const CatalogState& state) {
    return item.id == engine::TopicId{} ? state.view().find(item.name) : state.view().find(item.id);
}

bool edit(TopicCommandItem& item, ConfigOverrides& overrides) {
    for (const auto& edit : item.edits) {
        if (!edit.value) {
            // Asks for the sentence about an unknown key only.
            if (find_topic_config(edit.key) == nullptr) {
                refuse(item,
                       CatalogProblem::invalid_config,
                       canonical_config_value(edit.key, "").error());
                return false;
            }
            overrides.erase(edit.key);
            continue;
        }
        auto value = canonical_config_value(edit.key, *edit.value);
        if (!value) {
            refuse(item, CatalogProblem::invalid_config, std::move(value.error()));
            return false;
        }
        overrides[edit.key] = std::move(*value);
    }
    return true;
}

class Planner {
public:
    Planner(const CatalogState& state, const PlanOptions& options, CatalogChange& change)
            : state_(state), options_(options), change_(change) {}

    void create(TopicCommandItem& item) {
        if (auto problem = topic_name_problem(item.name); !problem.empty()) {
            return refuse(item, CatalogProblem::invalid_topic_name, std::move(problem));
        }
        if (state_.view().find(item.name) != nullptr || is_changed(item.name)) {
            return refuse(item,
                          CatalogProblem::topic_exists,
                          fmt::format("Topic '{}' exists already.", item.name));
        }
        if (const auto other = colliding_name(item.name); !other.empty()) {
            return refuse(item,
                          CatalogProblem::invalid_topic_name,
                          fmt::format("The name '{}' differs from topic '{}' only in '.' and '_': "
                                      "their metrics would be one. Choose another.",
                                      item.name,
                                      other));
        }
        if (item.partitions == 0) item.partitions = options_.default_partitions;
        if (item.partitions > kPartitionsPerTopicMax) {
            return refuse(item, CatalogProblem::invalid_partition_count, too_many(item));
        }
        auto topic = std::make_shared<Topic>();
        if (!edit(item, topic->overrides) || !fits(item, topic->overrides)) return;
        topic->name = item.name;
        topic->id = random_topic_id();
        topic->partitions = item.partitions;
        item.id = topic->id;
        add(std::move(topic));
    }

    void remove(TopicCommandItem& item, const Topic& topic) {
        item.name = topic.name;
        item.id = topic.id;
        item.partitions = topic.partitions;
        if (std::find(change_.deleted.begin(), change_.deleted.end(), topic.id) ==
            change_.deleted.end()) {
            change_.deleted.push_back(topic.id);
        }
    }

    void grow(TopicCommandItem& item, const Topic& topic) {
        if (item.partitions > kPartitionsPerTopicMax) {
            return refuse(item, CatalogProblem::invalid_partition_count, too_many(item));
        }
        if (item.partitions <= topic.partitions) {
            return refuse(
                    item,
                    CatalogProblem::invalid_partition_count,
                    fmt::format("Topic '{}' has {} partitions; it can grow to more, not to {}.",
                                topic.name,
                                topic.partitions,
                                item.partitions));
        }
        auto grown = std::make_shared<Topic>(topic);
        grown->partitions = item.partitions;
        grown->leader_epochs = nullptr;  // The shards fill them in when they see the change.
        item.id = topic.id;
        add(std::move(grown));
    }

    void alter(TopicCommandItem& item, const Topic& topic) {
        auto altered = std::make_shared<Topic>(topic);
        if (!edit(item, altered->overrides) || !fits(item, altered->overrides)) return;
        item.id = topic.id;
        item.partitions = topic.partitions;
        if (altered->overrides != topic.overrides) add(std::move(altered));
    }

private:
    static std::string too_many(const TopicCommandItem& item) {
        return fmt::format("A topic has at most {} partitions, not {}.",
                           kPartitionsPerTopicMax,
                           item.partitions);
    }

    // A batch as large as the topic takes can be written. Asked only of what is being changed.
    [[nodiscard]] bool fits(TopicCommandItem& item, const ConfigOverrides& overrides) const {
        const bool asked = std::ranges::any_of(
                item.edits, [](const ConfigEdit& each) { return each.key == "max.message.bytes"; });
        const auto bytes = effective_log_config(overrides, state_.defaults()).message_bytes_max;
        if (!asked || bytes <= options_.message_bytes_max) return true;
        refuse(item,
               CatalogProblem::invalid_config,
               fmt::format("max.message.bytes = {} is more than {}, a quarter of a file of the "
                           "write-ahead log: lower it, or raise the broker's wal.bytes.",
                           bytes,
                           options_.message_bytes_max));
        return false;
    }

    // As Kafka has it; empty when there is none.
    [[nodiscard]] std::string colliding_name(std::string_view name) const {
        for (const auto& [other, topic] : state_.view().topics()) {
            if (names_collide(other, name)) return std::string(other);
        }
        for (const auto& topic : change_.changed) {
            if (names_collide(topic->name, name)) return topic->name;
        }
        return {};
    }

    [[nodiscard]] bool is_changed(std::string_view name) const {
        return std::any_of(change_.changed.begin(), change_.changed.end(), [&](const auto& topic) {
            return topic->name == name;
        });
    }

    void add(std::shared_ptr<Topic> topic) {
        topic->log_config = effective_log_config(topic->overrides, state_.defaults());
        topic->version = change_.version;
        if (topic->leader_epochs == nullptr) {
            topic->leader_epochs = std::make_shared<LeaderEpochs>(topic->partitions);
        }
        change_.changed.push_back(std::move(topic));
    }

    const CatalogState& state_;
    const PlanOptions& options_;
    CatalogChange& change_;
};

}  // namespace

void plan_changes(TopicCommand& command,
                  const CatalogState& state,
                  const PlanOptions& options,
                  CatalogChange& change) {
    Planner planner(state, options, change);
    for (auto& item : command.items) {
        item.problem = CatalogProblem::none;
        item.message.clear();
        if (command.action == TopicAction::create) {
            planner.create(item);
            continue;
        }
        const auto* topic = find(item, state);
        if (topic == nullptr) {
            refuse(item, CatalogProblem::unknown_topic, {});
            continue;
        }
        switch (command.action) {
            case TopicAction::remove:
                planner.remove(item, *topic);
                break;
            case TopicAction::grow:
                planner.grow(item, *topic);
                break;
            case TopicAction::alter:
                planner.alter(item, *topic);
                break;
            case TopicAction::create:
                break;
        }
    }
}

std::vector<MetadataRecord> records_of(const CatalogChange& change, const CatalogState& state) {
    std::vector<MetadataRecord> records;
    records.reserve(change.changed.size() + change.deleted.size());
    for (const auto& topic : change.changed)
        records.push_back(record_of(*topic));
    for (const auto& id : change.deleted) {
        MetadataRecord record;
        record.kind = MetadataKind::deleted;
        record.version = change.version;
        record.id = id;
        if (const auto* topic = state.view().find(id)) record.name = topic->name;
        records.push_back(std::move(record));
    }
    return records;
}

}  // namespace millrace::broker
