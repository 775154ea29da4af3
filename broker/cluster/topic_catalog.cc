// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/topic_catalog.h"

#include "broker/cluster/random_id.h"
#include "broker/cluster/recovered_topics.h"
#include "broker/cluster/topic_changes.h"
#include "engine/assert.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::broker {
namespace {

std::string_view why_no_ids(engine::Error error) {
    return error.code == engine::Errc::storage_full
                   ? "The broker's disk is full: no producer id can be reserved until there is "
                     "space."
                   : "No producer id can be reserved.";
}

constexpr std::uint64_t kRoomBytes = 1024 * 1024UL;

CatalogProblem problem_of(const engine::Error& error) {
    switch (error.code) {
        case engine::Errc::storage_full:
            return CatalogProblem::storage_full;
        case engine::Errc::shutting_down:
            return CatalogProblem::shutting_down;
        default:
            return CatalogProblem::storage_failed;
    }
}

std::string refusal_of(const engine::Error& error) {
    if (error.code == engine::Errc::storage_full) {
        return "The broker's disk is full: topics are neither made nor changed until there is "
               "space; deleting some makes it.";
    }
    return fmt::format("The change cannot be written: {}.", engine::name_of(error.code));
}

}  // namespace

TopicCatalog::TopicCatalog(const TopicCatalogOptions& options,
                           engine::Engine& engine,
                           engine::ShardEngine& shard,
                           engine::ShardPost& post,
                           engine::EventLog& events)
        : options_(options),
          engine_(engine),
          shard_(shard),
          events_(events),
          publisher_(post),
          state_(options.topic_defaults),
          log_(shard),
          snapshot_(log_, options.snapshot_bytes_min),
          restore_(log_, state_, publisher_) {
    room_.owner = this;
    room_.ready = [](engine::RoomWaiter& waiter) noexcept {
        auto& self = *static_cast<TopicCatalog*>(waiter.owner);
        self.waiting_for_room_ = false;
        self.run_queued();
    };
}

void TopicCatalog::load(OnDone done) {
    log_.read_all([this](const MetadataRecord& record) { return state_.replay(record); },
                  [this, done = std::move(done)](engine::Result<void> outcome) mutable {
                      if (!outcome) return done(outcome);
                      auto decided = decide_recovered(
                              state_, log_, engine_, events_, options_.accept_wal_loss);
                      if (!decided) return done(std::unexpected(decided.error()));
                      recovered_ = std::move(*decided);
                      done({});
                  });
}

CatalogChangeRef TopicCatalog::subscribe(std::uint32_t shard, CatalogSubscriber& subscriber) {
    publisher_.subscribe(shard, subscriber);
    return state_.everything();
}

void TopicCatalog::run(TopicCommand& command) {
    if (stopping_) return fail(command, CatalogProblem::shutting_down, "The broker is stopping.");
    queue_.push_back(&command);
    run_queued();
}

void TopicCatalog::run_queued() {
    if (running_) return;  // A command's `done` gave the next one.
    running_ = true;
    while (!waiting_for_room_ && !restore_.running()) {
        if (snapshot_.is_pending()) {
            if (write_snapshot() == Step::wait) break;
            continue;
        }
        if (producer_ids_.wants_block()) {
            if (reserve_producer_ids() == Step::wait) break;
            continue;
        }
        if (queue_.empty()) break;
        auto& command = *queue_.front();
        if (waits_for_deletion(command)) {
            queue_.pop_front();
            deferred_.push_back(&command);
            continue;
        }
        if (run_first(command) == Step::wait) break;
    }
    running_ = false;
    maybe_stopped();
}

bool TopicCatalog::waits_for_deletion(const TopicCommand& command) const {
    if (command.action != TopicAction::create || command.validate_only) return false;
    return std::any_of(deleting_.begin(), deleting_.end(), [&](const auto& deleting) {
        return std::any_of(command.items.begin(), command.items.end(), [&](const auto& item) {
            return item.name == deleting.second;
        });
    });
}

// Takes the command off the queue unless it has to wait for room.
TopicCatalog::Step TopicCatalog::run_first(TopicCommand& command) {
    if (restored_ != nullptr) return append(command, restored_);
    auto change = std::make_shared<CatalogChange>();
    change->version = state_.version() + 1;
    plan_changes(
            command, state_, {options_.default_partitions, shard_.append_bytes_max()}, *change);
    const bool nothing = change->changed.empty() && change->deleted.empty();
    if (command.validate_only || nothing) {
        queue_.pop_front();
        command.done(command);
        return Step::done;
    }
    if (!command.items.front().staged.empty()) return restore(command, change);
    return append(command, change);
}

TopicCatalog::Step TopicCatalog::refused(TopicCommand& command, const engine::Error& error) {
    if (error.code == engine::Errc::no_room) {
        wait_for_room(kRoomBytes);
        return Step::wait;
    }
    if (restored_ != nullptr) {
        ++in_flight_;
        restore_.take_back(std::unexpected(error), on_restored(command, nullptr));
        return Step::done;
    }
    queue_.pop_front();
    fail(command, problem_of(error), refusal_of(error));
    return Step::done;
}

// The command stays the first one meanwhile, and no other one runs.
TopicCatalog::Step TopicCatalog::restore(TopicCommand& command, const CatalogChangeRef& change) {
    const auto begun = restore_.start(
            change->changed.front(), command.items.front().staged, on_restored(command, change));
    if (!begun) return refused(command, begun.error());
    ++in_flight_;
    return Step::done;
}

TopicRestore::OnDone TopicCatalog::on_restored(TopicCommand& command, CatalogChangeRef change) {
    return [this, change = std::move(change), &command](engine::Result<void> outcome,
                                                        const std::string& fault) {
        --in_flight_;
        restored_ = nullptr;
        if (outcome && stopping_) outcome = engine::failure(engine::Errc::shutting_down);
        if (outcome) {
            restored_ = change;
        } else {
            queue_.pop_front();
            refuse_restore(command, outcome.error(), fault);
        }
        run_queued();
    };
}

// With a stop the adopted logs end; the next start drops what they hold.
void TopicCatalog::refuse_restore(TopicCommand& command,
                                  const engine::Error& error,
                                  const std::string& fault) {
    if (error.code == engine::Errc::shutting_down) {
        return fail(command, CatalogProblem::shutting_down, "The broker is stopping.");
    }
    if (error.code == engine::Errc::damaged_range) {
        return fail(command,
                    CatalogProblem::unusable_files,
                    fmt::format("What lies in {}/{} cannot become a topic: {}.",
                                kRestoreDirectory,
                                command.items.front().staged,
                                fault));
    }
    fail(command, problem_of(error), refusal_of(error));
}

TopicCatalog::Step TopicCatalog::append(TopicCommand& command, CatalogChangeRef change) {
    auto records = records_of(*change, state_);
    const auto appended =
            log_.append(records, [this, change, &command](engine::Result<void> outcome) {
                flushed(change, command, outcome);
            });
    if (!appended) return refused(command, appended.error());
    queue_.pop_front();
    if (restored_ != nullptr) restore_.keep();
    restored_ = nullptr;
    for (const auto& id : change->deleted) {
        if (const auto* topic = state_.view().find(id)) deleting_.emplace(id, topic->name);
    }
    state_.apply(*change);
    ++in_flight_;
    snapshot_.begin_if_due(state_);
    return Step::done;
}

void TopicCatalog::give_producer_id(ProducerIdRequest& request) {
    producer_ids_.ask(request);
    if (!producer_ids_.wants_block()) return;
    if (stopping_) {
        return producer_ids_.refuse(CatalogProblem::shutting_down, "The broker is stopping.");
    }
    run_queued();
}

TopicCatalog::Step TopicCatalog::reserve_producer_ids() {
    const auto first = state_.producer_ids_end();
    std::vector<MetadataRecord> records(1);
    records.front().kind = MetadataKind::producer_ids;
    records.front().version = state_.version();
    records.front().producer_ids_end = first + kProducerIdBlock;
    const auto appended = log_.append(records, [this, first](engine::Result<void> outcome) {
        producer_ids_reserved(first, outcome);
    });
    if (!appended && appended.error().code == engine::Errc::no_room) {
        wait_for_room(kRoomBytes);
        return Step::wait;
    }
    if (!appended) {
        producer_ids_.refuse(problem_of(appended.error()), why_no_ids(appended.error()));
        return Step::done;
    }
    state_.set_producer_ids_end(first + kProducerIdBlock);
    producer_ids_.reserving();
    ++in_flight_;
    snapshot_.begin_if_due(state_);
    return Step::done;
}

void TopicCatalog::producer_ids_reserved(std::int64_t first, engine::Result<void> outcome) {
    --in_flight_;
    if (outcome) {
        producer_ids_.reserved(first);
        run_queued();
    } else {
        // Final for the whole engine: the process ends.
        producer_ids_.refuse(problem_of(outcome.error()), "No producer id could be reserved.");
        maybe_stopped();
    }
}

TopicCatalog::Step TopicCatalog::write_snapshot() {
    const auto appended = snapshot_.append_next();
    if (appended || appended.error().code != engine::Errc::no_room) return Step::done;
    wait_for_room(kRoomBytes);
    return Step::wait;
}

void TopicCatalog::wait_for_room(std::uint64_t bytes) {
    waiting_for_room_ = true;
    room_.bytes = bytes;
    shard_.wait_for_room(room_);
}

void TopicCatalog::flushed(const CatalogChangeRef& change,
                           TopicCommand& command,
                           engine::Result<void> outcome) {
    if (!outcome) {
        // Final for the whole engine: the process ends. Whether the change is on disk is unknown.
        --in_flight_;
        fail(command, problem_of(outcome.error()), "The change could not be made durable.");
        maybe_stopped();
        return;
    }
    tell(command);
    publisher_.publish(change, [this, change, &command] {
        --in_flight_;
        command.done(command);
        answered(*change);
    });
}

// One event for each topic that is now another.
void TopicCatalog::tell(const TopicCommand& command) {
    const auto what = [&command]() -> std::pair<std::string_view, std::string_view> {
        switch (command.action) {
            case TopicAction::create:
                return {"topic.created", "A topic was created."};
            case TopicAction::remove:
                return {"topic.deleted", "A topic was deleted."};
            case TopicAction::grow:
                return {"topic.grown", "A topic has more partitions."};
            case TopicAction::alter:
                break;
        }
        return {"topic.altered", "Settings of a topic were changed."};
    }();
    for (const auto& item : command.items) {
        if (item.problem != CatalogProblem::none) continue;
        events_.event(item.message.empty() ? engine::Level::info : engine::Level::warning,
                      what.first,
                      item.message.empty() ? what.second : std::string_view(item.message),
                      {{"topic", item.name},
                       {"topic_id", to_text(item.id)},
                       {"partitions", fmt::format("{}", item.partitions)}});
    }
}

void TopicCatalog::answered(const CatalogChange& change) {
    if (!change.deleted.empty()) {
        for (const auto& id : change.deleted) {
            const auto name = deleting_.find(id);
            if (name != deleting_.end()) deleting_.erase(name);
        }
        for (auto* command : deferred_)
            queue_.push_front(command);
        deferred_.clear();
    }
    run_queued();
}

void TopicCatalog::fail(TopicCommand& command, CatalogProblem problem, std::string_view message) {
    for (auto& item : command.items) {
        if (item.problem != CatalogProblem::none) continue;
        item.problem = problem;
        item.message = message;
    }
    command.done(command);
}

void TopicCatalog::stop(std::move_only_function<void()> done) {
    stopping_ = true;
    stopped_ = std::move(done);
    if (waiting_for_room_) {
        shard_.cancel_wait(room_);
        waiting_for_room_ = false;
    }
    snapshot_.give_up();
    auto waiting = std::move(deferred_);
    deferred_.clear();
    // What is being restored hears of it when that is over.
    const auto first = queue_.begin() + (restore_.running() ? 1 : 0);
    waiting.insert(waiting.end(), first, queue_.end());
    queue_.erase(first, queue_.end());
    restored_ = nullptr;
    for (auto* command : waiting) {
        fail(*command, CatalogProblem::shutting_down, "The broker is stopping.");
    }
    if (producer_ids_.wants_block()) {
        producer_ids_.refuse(CatalogProblem::shutting_down, "The broker is stopping.");
    }
    maybe_stopped();
}

void TopicCatalog::maybe_stopped() {
    if (!stopped_ || in_flight_ > 0) return;
    auto done = std::move(stopped_);
    stopped_ = nullptr;
    done();
}

}  // namespace millrace::broker
