// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/topic_restore.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace millrace::broker {

engine::Result<void> TopicRestore::start(const TopicRef& topic,
                                         const std::string& staged,
                                         OnDone done) {
    std::vector<MetadataRecord> records(1);
    records.front().kind = MetadataKind::deleted;
    records.front().version = state_.version();
    records.front().id = topic->id;
    records.front().name = topic->name;
    TRY_VOID(log_.append(records, [this](engine::Result<void> outcome) { noted(outcome); }));
    state_.note_deleted(topic->id, topic->name);
    adoption_ = std::make_shared<TopicAdoption>();
    adoption_->topic = topic;
    adoption_->source = fmt::format("{}/{}", kRestoreDirectory, staged);
    done_ = std::move(done);
    return {};
}

void TopicRestore::noted(engine::Result<void> outcome) {
    if (!outcome) {
        adoption_ = nullptr;
        return finish(outcome, {});
    }
    publisher_.publish(adoption_, [this] { adopted(); });
}

void TopicRestore::adopted() {
    const auto* refused = adoption_->refused();
    if (refused == nullptr) return finish({}, {});
    undo(refused->outcome, refused->fault);
}

void TopicRestore::take_back(engine::Result<void> outcome, OnDone done) {
    done_ = std::move(done);
    undo(outcome, {});
}

void TopicRestore::undo(engine::Result<void> outcome, std::string fault) {
    adoption_->undo = true;
    publisher_.publish(adoption_, [this, outcome, fault = std::move(fault)] {
        adoption_ = nullptr;
        finish(outcome, fault);
    });
}

void TopicRestore::finish(engine::Result<void> outcome, const std::string& fault) {
    auto done = std::exchange(done_, nullptr);
    done(outcome, fault);
}

}  // namespace millrace::broker
