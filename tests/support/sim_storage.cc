// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/sim_storage.h"

#include "engine/assert.h"
#include "tests/support/sim_disk_state.h"

#include <random>
#include <utility>

namespace millrace::testing {

using engine::WriteSync;

struct SimStorage::State {
    std::shared_ptr<SimDisk::State> disk;
    SimStorageOptions options;
    std::mt19937_64 random;
    std::vector<engine::FileOp*> submitted;
    std::vector<engine::FileOp*> flushed;
    std::vector<engine::FileOp*> written;  // Those of them whose write has happened, not its sync.
    std::vector<SimOpenFile> handles;

    // Which of the first `count` flushed operations is next.
    std::size_t pick(std::size_t count) {
        return options.seed == 0 ? 0 : static_cast<std::size_t>(random() % count);
    }

    void execute(std::size_t index) {
        auto& op = *flushed[index];
        flushed.erase(flushed.begin() + static_cast<std::ptrdiff_t>(index));
        if (op.kind == engine::FileOpKind::work) {
            op.work(op);
            op.result = 0;
            return op.done(op);
        }
        const bool syncs = op.kind == engine::FileOpKind::write && op.sync == WriteSync::file;
        if (syncs && std::erase(written, &op) > 0) {
            sync_write(op);
        } else {
            disk->execute(op, handles, options.lying_sync);
            if (syncs && op.result == static_cast<std::int64_t>(op.length)) {
                // Two operations, so that a crash can fall between them.
                written.push_back(&op);
                flushed.push_back(&op);
                return;
            }
        }
        op.next = nullptr;
        op.done(op);
    }

    void sync_write(engine::FileOp& op) {
        engine::FileOp sync;
        sync.kind = engine::FileOpKind::sync_data;
        sync.file = op.file;
        sync.backend = op.backend;
        disk->execute(sync, handles, options.lying_sync);
        if (sync.result < 0) {
            op.result = sync.result;
        } else if (!options.lying_sync) {
            disk->settle_write(op, handles);
        }
    }
};

SimStorage::SimStorage(SimDisk& disk, const SimStorageOptions& options)
        : state_(std::make_unique<State>()) {
    state_->disk = disk.state_;
    state_->options = options;
    state_->random.seed(options.seed);
}

SimStorage::~SimStorage() {
    for (const auto* queue : {&state_->submitted, &state_->flushed}) {
        for (const auto* op : *queue)
            state_->disk->end_write(*op);
    }
}

void SimStorage::submit(engine::FileOp& op) noexcept {
    ASSERT(op.done != nullptr);
    ASSERT(op.next == nullptr);
    op.backend = state_->disk->operations;  // A sync covers what was executed before.
    if (op.kind == engine::FileOpKind::write) {
        const auto index = static_cast<std::size_t>(op.file);
        if (index < state_->handles.size()) state_->disk->begin_write(op, state_->handles[index]);
    }
    state_->submitted.push_back(&op);
}

void SimStorage::flush_submissions() noexcept {
    state_->flushed.insert(
            state_->flushed.end(), state_->submitted.begin(), state_->submitted.end());
    state_->submitted.clear();
}

std::size_t SimStorage::run_completions() noexcept {
    std::size_t left = state_->flushed.size();
    if (left == 0) return 0;
    std::size_t count = left;
    if (state_->options.seed != 0) count = 1 + static_cast<std::size_t>(state_->random() % left);
    for (std::size_t done = 0; done < count; ++done, --left)
        state_->execute(state_->pick(left));
    return count;
}

std::size_t SimStorage::in_flight() const noexcept {
    return state_->submitted.size() + state_->flushed.size();
}

bool SimStorage::prefers_synced_writes() const noexcept {
    return state_->options.prefers_synced_writes;
}

bool SimStorage::step() noexcept {
    if (state_->flushed.empty()) return false;
    state_->execute(state_->pick(state_->flushed.size()));
    return true;
}

}  // namespace millrace::testing
