// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/ack_writer.h"

#include "tools/millrace/interrupt.h"
#include "tools/millrace/standard_output.h"

#include <fmt/format.h>

#include <chrono>
#include <iterator>

namespace millrace::cli {

namespace {
constexpr std::size_t kPendingBytesMax = 16UL << 20;
}

AckWriter::AckWriter(bool document) : document_(document), thread_([this] { run(); }) {}

AckWriter::~AckWriter() {
    close();
}

void AckWriter::add(std::uint64_t line, const Ack& ack) {
    const std::lock_guard lock(mutex_);
    const bool idle = pending_.empty();
    const auto* before = !document_ ? "" : any_ ? ",\n" : "[\n";
    any_ = true;
    fmt::format_to(std::back_inserter(pending_),
                   "{}{{\"line\":{},\"partition\":{},\"offset\":{}}}{}",
                   before,
                   line,
                   ack.partition,
                   ack.offset,
                   document_ ? "" : "\n");
    if (idle) changed_.notify_all();
}

void AckWriter::wait_for_room() {
    std::unique_lock lock(mutex_);
    const auto room = [this] { return pending_.size() < kPendingBytesMax || error_ != 0; };
    while (!changed_.wait_for(lock, std::chrono::milliseconds(100), room) && !interrupted()) {
    }
}

int AckWriter::close() {
    {
        const std::lock_guard lock(mutex_);
        if (document_ && !closing_) pending_ += any_ ? "\n]\n" : "[]\n";
        closing_ = true;
        changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
    return error_;
}

void AckWriter::run() {
    std::string writing;
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return closing_ || !pending_.empty(); });
        if (pending_.empty()) return;
        writing.swap(pending_);
        changed_.notify_all();
        lock.unlock();
        const int error = error_ == 0 ? write_out(writing) : 0;
        writing.clear();
        lock.lock();
        if (error != 0) error_ = error;
    }
}

}  // namespace millrace::cli
