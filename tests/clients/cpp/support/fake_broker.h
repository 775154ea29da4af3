// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A broker inside the test: one thread, a loopback socket on a port of the kernel's choice, and
// topics in memory. Every answer can be replaced by the test, to be as wrong as it likes.
#pragma once

#include "engine/types.h"
#include "millrace/types.h"
#include "schemas/wire/api.h"
#include "schemas/wire/errors.h"
#include "schemas/wire/frame.h"
#include "schemas/wire/hello.h"
#include "tests/clients/cpp/support/fake_topics.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace millrace::testing {

struct FakeRequest {
    wire::FrameHeader header;
    std::vector<std::byte> table;
    std::vector<std::byte> payload;
    std::uint64_t connection = 0;  // Counts up from 1.
};

struct FakeAnswer {
    enum class Kind { frame, hang_up, silence, raw };

    Kind kind = Kind::frame;
    std::vector<std::byte> table;
    std::vector<std::byte> payload;  // With Kind::raw: what is written as it is.

    static FakeAnswer hang_up() { return {Kind::hang_up, {}, {}}; }

    static FakeAnswer silence() { return {Kind::silence, {}, {}}; }
};

// Thread: any. Interceptors run on the broker's own thread, without its lock.
class FakeBroker {
public:
    // Nothing: the broker answers as it would have.
    using Interceptor = std::function<std::optional<FakeAnswer>(const FakeRequest&)>;

    FakeBroker();
    ~FakeBroker();
    FakeBroker(const FakeBroker&) = delete;
    FakeBroker& operator=(const FakeBroker&) = delete;

    [[nodiscard]] std::string address() const;

    // Replaces answers to one API; null ends it.
    void intercept(wire::Api api, Interceptor interceptor);

    // What the next greetings say.
    void set_greeting(const wire::HelloResponse& greeting);

    // From the next greeting on it gives producer ids, from this one on.
    void give_producer_ids(std::int64_t first);

    // Ends every connection; the next ones are served.
    void drop_connections();

    // Requests of an API so far.
    [[nodiscard]] std::size_t requests(wire::Api api) const;
    [[nodiscard]] std::size_t connections() const;

    // Changes topics under the lock, then answers what waits for it.
    void change(const std::function<void(FakeTopics&)>& how);

private:
    struct Connection;

    void run();
    void accept_one();
    bool read_some(Connection& connection);
    bool serve(Connection& connection, FakeRequest request);
    void answer_held();
    void send(Connection& connection, const FakeRequest& request, const FakeAnswer& answer);
    [[nodiscard]] FakeAnswer greeting() const;
    void ring() const;

    int listen_socket_ = -1;
    int bell_ = -1;  // eventfd
    std::uint16_t port_ = 0;
    std::uint64_t next_connection_ = 1;
    std::vector<std::unique_ptr<Connection>> connections_;  // The thread's own.
    mutable std::mutex mutex_;
    FakeTopics topics_;
    std::map<std::uint16_t, Interceptor> interceptors_;
    std::map<std::uint16_t, std::size_t> counts_;
    wire::HelloResponse greeting_;
    std::int64_t next_producer_id_ = -1;  // -1: it gives none.
    bool drop_ = false;
    bool stop_ = false;
    std::thread thread_;
};

FakeAnswer producer_id_answer(std::int64_t id);

// A response table with nothing but an error.
FakeAnswer error_answer(wire::ErrorCode code, const std::string& message = {});

}  // namespace millrace::testing
