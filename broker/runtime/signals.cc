// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/signals.h"

#include "engine/assert.h"

#include <csignal>

namespace millrace::broker {

Signals::Signals(uv_loop_t& loop, SignalListener& listener) : listener_(listener) {
    // NOLINTBEGIN(performance-no-int-to-ptr, cppcoreguidelines-pro-type-cstyle-cast): SIG_IGN.
    std::signal(SIGPIPE, SIG_IGN);
    // A write beyond the limit of file size fails like any other.
    std::signal(SIGXFSZ, SIG_IGN);
    // NOLINTEND(performance-no-int-to-ptr, cppcoreguidelines-pro-type-cstyle-cast)
    const auto watch = [&](uv_signal_t& handle, int number) {
        int failed = uv_signal_init(&loop, &handle);
        ASSERT(failed == 0);
        handle.data = this;
        failed = uv_signal_start(
                &handle,
                [](uv_signal_t* signal, int received) {
                    static_cast<Signals*>(signal->data)->listener_.signalled(received);
                },
                number);
        ASSERT(failed == 0);
    };
    watch(terminate_, SIGTERM);
    watch(interrupt_, SIGINT);
}

void Signals::close() noexcept {
    uv_close(reinterpret_cast<uv_handle_t*>(&terminate_), nullptr);
    uv_close(reinterpret_cast<uv_handle_t*>(&interrupt_), nullptr);
}

}  // namespace millrace::broker
