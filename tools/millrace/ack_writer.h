// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Writes one line per acknowledged record to standard output, as soon as the acknowledgement is
// there, without ever making the thread wait that brings it.
#pragma once

#include "millrace/producer.h"

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace millrace::cli {

// Lifecycle:   add() any number of times, close(). Lines leave in the order they were added.
// Thread:      add() from the client's thread, the rest from one other.
class AckWriter {
public:
    // `document`: the lines are the elements of one JSON array.
    explicit AckWriter(bool document);
    ~AckWriter();
    AckWriter(const AckWriter&) = delete;
    AckWriter& operator=(const AckWriter&) = delete;

    // {"line","partition","offset"}
    void add(std::uint64_t line, const Ack& ack);

    // Waits while the reader is far behind, so that memory stays bounded; no longer when
    // interrupted.
    void wait_for_room();

    // Writes what is left. Returns 0, or the errno of standard output.
    int close();

private:
    void run();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::string pending_;
    bool document_;
    bool any_ = false;
    bool closing_ = false;
    int error_ = 0;
    std::thread thread_;
};

}  // namespace millrace::cli
