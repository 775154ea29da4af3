// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/acknowledgements.h"

#include "tools/millrace/interrupt.h"

namespace millrace::cli {

Result<void> await_acknowledgements(Producer& producer,
                                    std::chrono::milliseconds timeout,
                                    const std::function<void()>& tick) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (!interrupted()) {
        auto flushed = producer.flush(std::chrono::milliseconds(100));
        if (flushed || flushed.error().code != ErrorCode::timed_out) return flushed;
        if (std::chrono::steady_clock::now() >= deadline) return flushed;
        tick();
    }
    return {};
}

}  // namespace millrace::cli
