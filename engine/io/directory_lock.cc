// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/io/directory_lock.h"

#include "engine/units.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

namespace millrace::engine {

namespace {

constexpr auto kTryEvery = std::chrono::milliseconds(10);
// A quick restart meets the lock of its predecessor for a moment: not worth a line.
constexpr auto kSayAfter = std::chrono::milliseconds(100);

// What its holder wrote into it; empty when nothing can be read.
std::string holder_of(int lock) {
    std::array<char, 64> text{};
    const auto bytes = ::pread(lock, text.data(), text.size(), 0);
    if (bytes <= 0) return {};
    const std::string_view line(text.data(), static_cast<std::size_t>(bytes));
    return std::string(line.substr(0, line.find('\n')));
}

// A whole block, so that a direct write of it can be tried on the same file.
void name_holder(int lock) {
    std::array<char, kBlockBytes> block;
    block.fill(' ');
    const auto line = fmt::format("{}\n", ::getpid());
    std::memcpy(block.data(), line.data(), line.size());
    block.back() = '\n';
    // Only for people: a full disk must not keep a broker from starting.
    [[maybe_unused]] const auto written = ::pwrite(lock, block.data(), block.size(), 0);
}

}  // namespace

Result<Descriptor> lock_directory(int directory, std::chrono::seconds wait, EventLog& events) {
    Descriptor lock(::openat(directory, kLockFile, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock) {
        const int error = errno;
        events.event(Level::error,
                     "storage.lock_failed",
                     "The lock file of the data directory cannot be opened.",
                     {{"path", kLockFile}, {"error", std::strerror(error)}});
        return failure(Errc::io_failed, error);
    }
    std::chrono::milliseconds waited{};
    while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        if (error == EINTR) continue;
        if (error != EWOULDBLOCK) {
            events.event(Level::error,
                         "storage.lock_failed",
                         "The data directory cannot be locked.",
                         {{"error", std::strerror(error)}});
            return failure(Errc::io_failed, error);
        }
        if (waited >= wait) {
            events.event(Level::error,
                         "storage.locked",
                         "Another process holds the lock of the data directory.",
                         {{"holder", holder_of(lock.get())},
                          {"waited", fmt::format("{}s", wait.count())}});
            return failure(Errc::locked);
        }
        if (waited == kSayAfter) {
            events.event(Level::info,
                         "storage.waiting_for_lock",
                         "Waiting for the lock of the data directory: another process has it, or "
                         "the last writes of a killed one are still on their way.",
                         {{"holder", holder_of(lock.get())},
                          {"wait_max", fmt::format("{}s", wait.count())}});
        }
        std::this_thread::sleep_for(kTryEvery);
        waited += kTryEvery;
    }
    name_holder(lock.get());
    return lock;
}

}  // namespace millrace::engine
