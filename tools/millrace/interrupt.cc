// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/interrupt.h"

#include <atomic>
#include <csignal>
#include <unistd.h>

namespace millrace::cli {

namespace {

std::atomic<bool> flag{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void interrupt_arrived(int /*signal*/) {
    if (flag.exchange(true)) _exit(130);
}

}  // namespace

void ignore_closed_pipes() noexcept {
    struct sigaction action {};

    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, nullptr);
}

void watch_for_interrupts() noexcept {
    struct sigaction action {};

    action.sa_handler = interrupt_arrived;  // Without SA_RESTART: a blocking read returns.
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() noexcept {
    return flag.load(std::memory_order_relaxed);
}

}  // namespace millrace::cli
