// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// SIGTERM and SIGINT as events of the control loop. SIGPIPE and SIGXFSZ are ignored.
//
// Lifecycle:   open on the loop's thread; close(), let the loop end, destroy.
#pragma once

#include <uv.h>

namespace millrace::broker {

class SignalListener {
public:
    virtual ~SignalListener() = default;
    SignalListener(const SignalListener&) = delete;
    SignalListener& operator=(const SignalListener&) = delete;

    virtual void signalled(int number) noexcept = 0;

protected:
    SignalListener() = default;
};

class Signals {
public:
    Signals(uv_loop_t& loop, SignalListener& listener);
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    void close() noexcept;

private:
    SignalListener& listener_;
    uv_signal_t terminate_{};
    uv_signal_t interrupt_{};
};

}  // namespace millrace::broker
