// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/partition/record_compactions.h"

#include <algorithm>

namespace millrace::broker {
namespace {

constexpr std::size_t kKnownMax = 4096;

}  // namespace

CompactionAnswer RecordCompactions::ask(const engine::PartitionKey& key,
                                        std::uint64_t ticket,
                                        PartitionSource& source) {
    if (ticket == 0) return begin(key, source);
    const auto found = compactions_.find(ticket);
    if (found == compactions_.end() || found->second->key != key) {
        return {.problem = CompactionProblem::unknown_ticket, .ticket = ticket};
    }
    return answer_of(ticket, *found->second);
}

CompactionAnswer RecordCompactions::begin(const engine::PartitionKey& key,
                                          PartitionSource& source) {
    PartitionSource::Missing missing{};
    auto* partition = source.find_or_open(key, missing);
    if (partition == nullptr) {
        const bool no_topic = missing == PartitionSource::Missing::topic;
        return {.problem = no_topic ? CompactionProblem::unknown_topic
                                    : CompactionProblem::unknown_partition};
    }
    const auto running = std::ranges::find_if(compactions_, [&key](const auto& each) {
        return each.second->key == key && !each.second->finished;
    });
    if (running != compactions_.end()) return answer_of(running->first, *running->second);
    forget_oldest();
    auto compaction = std::make_unique<Compaction>();
    compaction->key = key;
    compaction->done = [](engine::CompactOp& op) noexcept {
        static_cast<Compaction&>(op).finished = true;
    };
    auto& begun = *compactions_.emplace(++last_ticket_, std::move(compaction)).first->second;
    partition->log().compact(begun);
    return answer_of(last_ticket_, begun);
}

CompactionAnswer RecordCompactions::answer_of(std::uint64_t ticket, const Compaction& compaction) {
    CompactionAnswer answer{.ticket = ticket, .finished = compaction.finished};
    if (!compaction.finished) return answer;
    answer.counts = compaction.counts;
    if (compaction.outcome) return answer;
    answer.problem = CompactionProblem::refused;
    answer.error = compaction.outcome.error();
    return answer;
}

void RecordCompactions::forget_oldest() {
    if (compactions_.size() < kKnownMax) return;
    const auto over = std::ranges::find_if(compactions_,
                                           [](const auto& each) { return each.second->finished; });
    if (over != compactions_.end()) compactions_.erase(over);
}

}  // namespace millrace::broker
