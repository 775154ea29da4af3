// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/catalog_publisher.h"

#include "engine/assert.h"

#include <algorithm>
#include <cstddef>

namespace millrace::broker {

// The task goes to the shard with the change and comes back as the word that it was applied.
struct Publication {
    engine::PostedTask task;  // First: the task is the publication.
    CatalogPublisher::Round* round = nullptr;
    CatalogSubscriber* subscriber = nullptr;

    static void deliver(engine::PostedTask& task) noexcept;
    static void came_back(engine::PostedTask& task) noexcept;
};

struct CatalogPublisher::Round {
    CatalogPublisher* publisher = nullptr;
    CatalogChangeRef change;  // One of the two.
    std::shared_ptr<TopicAdoption> adoption;
    OnApplied done;
    std::vector<Publication> publications;  // Kept still: made once.
    std::size_t waiting = 0;
};

void Publication::deliver(engine::PostedTask& task) noexcept {
    auto& self = reinterpret_cast<Publication&>(task);
    const auto& round = *self.round;
    if (round.adoption != nullptr) return self.subscriber->adopt_topic(*round.adoption, self);
    self.subscriber->catalog_changed(*round.change, self);
}

void Publication::came_back(engine::PostedTask& task) noexcept {
    auto& round = *reinterpret_cast<Publication&>(task).round;
    ASSERT(round.waiting > 0);
    if (--round.waiting == 0) round.publisher->finish(round);
}

static_assert(offsetof(Publication, task) == 0, "a task is cast to its publication");

void applied(Publication& publication) noexcept {
    publication.task.run = &Publication::came_back;
    publication.round->publisher->post_.post(0, publication.task);
}

CatalogPublisher::CatalogPublisher(engine::ShardPost& post)
        : post_(post), subscribers_(post.shard_count(), nullptr) {}

CatalogPublisher::~CatalogPublisher() = default;

void CatalogPublisher::subscribe(std::uint32_t shard, CatalogSubscriber& subscriber) {
    ASSERT(subscribers_[shard] == nullptr);
    subscribers_[shard] = &subscriber;
}

void CatalogPublisher::publish(CatalogChangeRef change, OnApplied done) {
    auto round = std::make_unique<Round>();
    round->change = std::move(change);
    round->done = std::move(done);
    start(std::move(round));
}

void CatalogPublisher::publish(std::shared_ptr<TopicAdoption> adoption, OnApplied done) {
    auto round = std::make_unique<Round>();
    adoption->ops.resize(subscribers_.size());
    round->adoption = std::move(adoption);
    round->done = std::move(done);
    start(std::move(round));
}

void CatalogPublisher::start(std::unique_ptr<Round> round) {
    round->publisher = this;
    round->publications.resize(subscribers_.size());
    auto& kept = *rounds_.emplace_back(std::move(round));
    for (const auto* subscriber : subscribers_)
        kept.waiting += subscriber != nullptr ? 1 : 0;
    ASSERT(kept.waiting > 0);  // Shard 0 itself subscribes first.
    for (std::uint32_t shard = 0; shard < subscribers_.size(); ++shard) {
        if (subscribers_[shard] == nullptr) continue;
        auto& publication = kept.publications[shard];
        publication.round = &kept;
        publication.subscriber = subscribers_[shard];
        publication.task.run = &Publication::deliver;
        post_.post(shard, publication.task);
    }
}

void CatalogPublisher::finish(Round& round) noexcept {
    const auto found = std::find_if(rounds_.begin(), rounds_.end(), [&](const auto& owned) {
        return owned.get() == &round;
    });
    ASSERT(found != rounds_.end());
    const auto owned = std::move(*found);
    rounds_.erase(found);
    owned->done();
}

}  // namespace millrace::broker
