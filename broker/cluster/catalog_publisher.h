// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Brings changes of the catalogue from shard 0 to every shard, and back the word that all have
// acted on them.
//
// Thread:      shard 0's, but for catalog_changed(), which runs on the subscriber's.
// Order:       changes reach each shard in the order of their versions.
#pragma once

#include "broker/cluster/topic.h"
#include "broker/cluster/topic_adoption.h"
#include "engine/shard_post.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace millrace::broker {

// One change at one shard. Given back with applied() when the shard has acted on it.
struct Publication;

class CatalogSubscriber {
public:
    virtual ~CatalogSubscriber() = default;
    // Call applied(publication) exactly once, now or later, on this shard's thread.
    virtual void catalog_changed(const CatalogChange& change,
                                 Publication& publication) noexcept = 0;
    // The same for a topic that is not in the catalogue yet.
    virtual void adopt_topic(TopicAdoption& adoption, Publication& publication) noexcept = 0;

protected:
    CatalogSubscriber() = default;
    CatalogSubscriber(const CatalogSubscriber&) = default;
    CatalogSubscriber& operator=(const CatalogSubscriber&) = default;
};

void applied(Publication& publication) noexcept;

class CatalogPublisher {
public:
    explicit CatalogPublisher(engine::ShardPost& post);
    ~CatalogPublisher();
    CatalogPublisher(const CatalogPublisher&) = delete;
    CatalogPublisher& operator=(const CatalogPublisher&) = delete;

    // From the next publish on. Requires: at most once per shard.
    void subscribe(std::uint32_t shard, CatalogSubscriber& subscriber);

    using OnApplied = std::move_only_function<void()>;
    // `done` runs on shard 0 when every subscriber has applied the change.
    void publish(CatalogChangeRef change, OnApplied done);
    // Likewise.
    void publish(std::shared_ptr<TopicAdoption> adoption, OnApplied done);

private:
    friend struct Publication;
    friend void applied(Publication& publication) noexcept;

    struct Round;
    void start(std::unique_ptr<Round> round);
    void finish(Round& round) noexcept;

    engine::ShardPost& post_;
    std::vector<CatalogSubscriber*> subscribers_;  // By shard; null: not yet.
    std::vector<std::unique_ptr<Round>> rounds_;
};

}  // namespace millrace::broker
