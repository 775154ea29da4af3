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
    Planner(const CatalogState& state, std::uint32_t default_partitions, CatalogChange& change)
            : state_(state), default_partitions_(default_partitions), change_(change) {}

    void create(TopicCommandItem& item) {
        if (auto problem = topic_name_problem(item.name); !problem.empty()) {
            return refuse(item, CatalogProblem::invalid_topic_name, std::move(problem));
        }
        if (state_.view().find(item.name) != nullptr || is_changed(item.name)) {
            return refuse(item,
                          CatalogProblem::topic_exists,
                          fmt::format("Topic '{}' exists already.", item.name));
        }
        if (item.partitions == 0) item.partitions = default_partitions_;
        if (item.partitions > kPartitionsPerTopicMax) {
            return refuse(item, CatalogProblem::invalid_partition_count, too_many(item));
        }
        auto topic = std::make_shared<Topic>();
        if (!edit(item, topic->overrides)) return;
        topic->name = item.name;
        topic->id = random_topic_id();
        topic->partitions = item.partitions;
        item.id = topic->id;
        warn_of_collision(item);
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
        if (!edit(item, altered->overrides)) return;
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

    void warn_of_collision(TopicCommandItem& item) const {
        for (const auto& [name, topic] : state_.view().topics()) {
            if (!names_collide(name, item.name)) continue;
            item.message = fmt::format(
                    "The names '{}' and '{}' differ only in '.' and '_': their metrics will be "
                    "one.",
                    item.name,
                    name);
            return;
        }
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
    std::uint32_t default_partitions_;
    CatalogChange& change_;
};

}  // namespace

void plan_changes(TopicCommand& command,
                  const CatalogState& state,
                  std::uint32_t default_partitions,
                  CatalogChange& change) {
    Planner planner(state, default_partitions, change);
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
