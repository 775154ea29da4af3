// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Has the files of a topic adopted before the topic is in the catalogue.
//
// Thread:      shard 0's.
// Crash story: first the metadata log says that the topic's id is deleted. A start that finds data
//              of it then drops them, until the record of the topic itself says that it lives.
#pragma once

#include "broker/cluster/catalog_publisher.h"
#include "broker/cluster/catalog_state.h"
#include "broker/cluster/metadata_log.h"

#include <functional>
#include <memory>
#include <string>

namespace millrace::broker {

class TopicRestore {
public:
    TopicRestore(MetadataLog& log, CatalogState& state, CatalogPublisher& publisher)
            : log_(log), state_(state), publisher_(publisher) {}

    // `fault` says more after damaged_range.
    using OnDone = std::move_only_function<void(engine::Result<void>, const std::string& fault)>;

    // When `done` runs without an error every shard has its logs open, and a checkpoint has them:
    // keep() or take_back() follows. After an error nobody has. Errors of the call, after which
    // nothing has begun: no_room, storage_full, shutting_down.
    [[nodiscard]] engine::Result<void> start(const TopicRef& topic,
                                             const std::string& staged,
                                             OnDone done);

    // The topic's record is appended.
    void keep() noexcept { adoption_ = nullptr; }

    // It cannot be: `done` runs, with this outcome, when the logs are out again.
    void take_back(engine::Result<void> outcome, OnDone done);

    [[nodiscard]] bool running() const noexcept { return done_ != nullptr; }

private:
    void noted(engine::Result<void> outcome);
    void adopted();
    void undo(engine::Result<void> outcome, std::string fault);
    void finish(engine::Result<void> outcome, const std::string& fault);

    MetadataLog& log_;
    CatalogState& state_;
    CatalogPublisher& publisher_;
    std::shared_ptr<TopicAdoption> adoption_;
    OnDone done_;
};

}  // namespace millrace::broker
