// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/ack_writer.h"

#include "tools/millrace/standard_output.h"

#include <fmt/format.h>

#include <iterator>

namespace millrace::cli {

namespace {
constexpr std::size_t kPendingBytesMax = 16UL << 20;
}

AckWriter::AckWriter() : thread_([this] { run(); }) {}

AckWriter::~AckWriter() {
    close();
}

void AckWriter::add(std::uint64_t line, const Ack& ack) {
    const std::lock_guard lock(mutex_);
    const bool idle = pending_.empty();
    fmt::format_to(std::back_inserter(pending_),
                   "{{\"line\":{},\"partition\":{},\"offset\":{}}}\n",
                   line,
                   ack.partition,
                   ack.offset);
    if (idle) changed_.notify_all();
}

void AckWriter::wait_for_room() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return pending_.size() < kPendingBytesMax || reader_gone_; });
}

bool AckWriter::close() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
        changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
    return !reader_gone_;
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
        const bool written = write_out(writing);
        writing.clear();
        lock.lock();
        if (!written) reader_gone_ = true;
    }
}

}  // namespace millrace::cli
