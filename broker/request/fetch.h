// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A fetch: one poll without a session, or a session with its polls, one after the other.
//
// Lifecycle:   taken from Fetches, polled, given back when its answer is out (or its session is
//              over) and no shard has anything of it any more.
// Thread:      its connection's shard; the parts' own work on theirs.
//
//   start -> [held until the connection has drained] -> poll every part -> first part with enough
//   answers, the others are collected -> joined -> not enough yet: poll again -> respond
#pragma once

#include "broker/base/timer.h"
#include "broker/partition/fetch_part.h"
#include "broker/request/call.h"
#include "broker/request/request_context.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

namespace millrace::broker {

// Beyond this much unsent a fetch waits before it reads.
inline constexpr std::uint64_t kUnsentBytesMax = 1024 * 1024UL;

struct FetchParameters {
    std::uint32_t bytes_min = 1;
    std::uint32_t bytes_max = 0;
    std::uint32_t wait_max_ms = 0;
    bool every_row = true;  // Also of partitions without records or news.
};

class Fetch {
public:
    explicit Fetch(RequestContext& context);
    ~Fetch();
    Fetch(const Fetch&) = delete;
    Fetch& operator=(const Fetch&) = delete;

    void begin_session(ClientConnection& connection, std::uint32_t session_id);

    // What to read, before start(). False: the session would watch too many partitions, and the
    // fetch is to be ended. Requires: idle.
    [[nodiscard]] bool change(const FetchChange& change);

    // One poll. Finishes the call when it is answered. Requires: idle.
    void start(const Call& call, const FetchParameters& parameters);

    // The connection has drained.
    void go_on() noexcept;

    // Answers a poll under way with what there is; afterwards a session is over.
    void end() noexcept;

    [[nodiscard]] bool idle() const noexcept { return state_ == State::idle; }

    [[nodiscard]] bool belongs_to(const ClientConnection& connection) const noexcept {
        return session_connection_ == &connection || (call_ && &call_->connection() == &connection);
    }

    [[nodiscard]] std::uint32_t session_id() const noexcept { return session_id_; }

    [[nodiscard]] std::uint32_t next_epoch() const noexcept { return next_epoch_; }

private:
    struct Port;
    enum class State : std::uint8_t { idle, held, polling };

    [[nodiscard]] Port& port(std::uint32_t shard);
    void poll() noexcept;
    void poll_port(Port& port, std::uint32_t ports, std::uint32_t missing, bool wait) noexcept;
    void send(Port& port) noexcept;
    static void port_answered(FetchPart& part) noexcept;
    void port_is_back(Port& port) noexcept;
    void collect_all() noexcept;
    void joined() noexcept;
    [[nodiscard]] bool poll_again() noexcept;
    void trim() noexcept;
    void respond() noexcept;
    void release() noexcept;
    void maybe_released() noexcept;
    [[nodiscard]] std::string message_of(const FetchedRow& row, wire::ErrorCode code) const;

    RequestContext& context_;
    std::vector<std::unique_ptr<Port>> ports_;  // By shard; made when first used.
    std::optional<Call> call_;                  // Of the poll under way.
    FetchParameters parameters_;
    engine::MonotonicTime deadline_{};
    Timer timer_;
    State state_ = State::idle;
    ClientConnection* session_connection_ = nullptr;  // While a session.
    std::uint32_t session_id_ = 0;                    // 0: no session.
    std::uint32_t next_epoch_ = 0;
    std::unordered_set<engine::PartitionKey> watched_;  // By a session.
    std::uint32_t away_ = 0;                            // Messages whose answer is outstanding.
    bool some_back_ = false;                            // A part has answered the poll under way.
    bool enough_ = false;                               // This poll ends whatever there is.
    bool ending_ = false;
    bool releasing_ = false;

    friend class Fetches;
    Fetch* next_active_ = nullptr;
    Fetch* previous_active_ = nullptr;
};

// All fetches of one shard.
class Fetches {
public:
    [[nodiscard]] Fetch& take(RequestContext& context);

    // Ends every poll that waits, and every session.
    void end_all() noexcept;

    // Of one connection.
    void end_of(const ClientConnection& connection) noexcept;

private:
    friend class Fetch;
    void give_back(Fetch& fetch) noexcept;

    ObjectPool<Fetch> pool_;
    Fetch* active_ = nullptr;
};

}  // namespace millrace::broker
