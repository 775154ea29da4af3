// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/storage.h"

#include <poll.h>

namespace millrace::engine {

void run_to_completion(Storage& storage, FileOp& op) {
    auto* const owner_before = op.owner;
    auto* const done_before = op.done;
    bool done = false;
    op.owner = &done;
    op.done = [](FileOp& completed) noexcept { *static_cast<bool*>(completed.owner) = true; };
    storage.submit(op);
    for (;;) {
        storage.flush_submissions();
        storage.run_completions();
        if (done) break;
        if (storage.wake_descriptor() < 0) continue;
        pollfd entry{.fd = storage.wake_descriptor(), .events = POLLIN, .revents = 0};
        ::poll(&entry, 1, -1);
    }
    op.owner = owner_before;
    op.done = done_before;
}

}  // namespace millrace::engine
