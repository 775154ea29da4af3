// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What a real broker asks of the kernel and of the disk for a request.
#include "tests/broker/request/requests.h"
#include "tests/hostile/raw_client.h"
#include "tests/support/broker_fixture.h"
#include "tests/support/metrics_page.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <limits>
#include <poll.h>
#include <sstream>

namespace millrace::testing {
namespace {

constexpr int kDepth = 64;
constexpr int kRounds = 200;
constexpr int kWarmUpRounds = 3000;  // Every file of the write-ahead log is used again by then.

// Counts the calls of a process, on all its threads, from its making to count().
class SystemCalls {
public:
    SystemCalls(pid_t process, const std::filesystem::path& folder)
            : summary_(folder / "calls"),
              said_(folder / "strace"),
              strace_({.command = {"/usr/bin/strace",
                                   "-f",
                                   "-c",
                                   "-U",
                                   "name,calls",
                                   "-o",
                                   summary_,
                                   "-p",
                                   std::to_string(process)},
                       .environment = {},
                       .output = said_,
                       .input = {}}) {
        while (read_file(said_).find(" attached") == std::string::npos && !ended())
            std::this_thread::yield();
    }

    // By name, "total" too.
    [[nodiscard]] std::map<std::string, std::uint64_t> count() {
        strace_.signal(SIGINT);
        strace_.wait(std::chrono::seconds(30));
        std::map<std::string, std::uint64_t> calls;
        std::istringstream lines(read_file(summary_));
        std::string name;
        std::uint64_t number = 0;
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line);
            if (words >> name >> number) calls[name] = number;
        }
        return calls;
    }

private:
    [[nodiscard]] bool ended() const {
        pollfd entry{.fd = strace_.descriptor(), .events = POLLIN, .revents = 0};
        return poll(&entry, 1, 0) > 0;
    }

    std::filesystem::path summary_;
    std::filesystem::path said_;
    ChildProcess strace_;
};

class SystemCallsTest : public BrokerTest {
protected:
    static std::vector<std::byte> batch() { return batch_of({std::string(100, 'x')}); }

    engine::PartitionKey create_one(const std::string& name, const std::string& durability) {
        create(name, 1, {{"durability", durability}});
        const auto id = admin().describe_topic(name).value().id;
        engine::PartitionKey key;
        key.topic.bytes = id.bytes;
        return key;
    }

    // All of a round in one write, then its answers: a client that keeps kDepth on their way.
    static void pipeline(RawClient& client, const RequestFrame& request, int rounds) {
        const auto one = bytes_of(request);
        std::vector<std::byte> round;
        for (int i = 0; i < kDepth; ++i)
            round.insert(round.end(), one.begin(), one.end());
        for (int i = 0; i < rounds; ++i) {
            ASSERT_TRUE(client.write(round));
            for (int answer = 0; answer < kDepth; ++answer)
                ASSERT_EQ(client.read().value().error(), 0);
        }
    }

    // Calls of the broker for each of many requests. Whatever else runs on the machine cuts groups
    // short, which only adds calls: the least of some counts is the broker's own.
    double calls_per_request(const RequestFrame& request) {
        RawClient client(broker().address());
        static_cast<void>(client.ask(hello_request()));
        pipeline(client, request, kWarmUpRounds);
        auto least = std::numeric_limits<double>::max();
        for (int count = 0; count < 3; ++count) {
            SystemCalls calls(broker().process().pid(), data().parent_path());
            pipeline(client, request, kRounds);
            const auto total = static_cast<double>(calls.count().at("total"));
            least = std::min(least, total / (kDepth * kRounds));
        }
        return least;
    }

    double value(const std::string& series) { return metric(broker().ready().http, series); }
};

TEST_F(SystemCallsTest, AreATenthOfTheReadsThatArePipelined) {
    start({"node.shards=1", "wal.bytes=32MiB"});
    const auto key = create_one("t", "memory");
    RawClient writer(broker().address());
    static_cast<void>(writer.ask(hello_request()));
    pipeline(writer, produce_request({{key, batch()}}), kWarmUpRounds);
    const auto end = admin().topic_offsets("t").value().front().end_offset;
    const auto last = fetch_request({{.key = key, .offset = end - 1}}, {.wait_max_ms = 0});
    EXPECT_LE(calls_per_request(last), 0.1) << "fetch";
    EXPECT_LE(calls_per_request(list_offsets_request(key, -1)), 0.1) << "list_offsets";
}

TEST_F(SystemCallsTest, AreATenthOfTheAppendsInMemoryThatArePipelined) {
    start({"node.shards=1", "wal.bytes=32MiB"});
    const auto key = create_one("t", "memory");
    EXPECT_LE(calls_per_request(produce_request({{key, batch()}})), 0.1);
}

// A single client's round is a group: taken, written, flushed, heard of and answered, which takes
// seven calls on a ring and, where the device has no write that flushes itself, with the thread
// that is woken and heard ten. A tenth of 64 would be six.
TEST_F(SystemCallsTest, AreFewForDurableRequestsThatArePipelined) {
    for (const auto* commit : {"thread", "ring"}) {
        start({"node.shards=1", "wal.bytes=32MiB", std::string("wal.commit=") + commit});
        const auto key = create_one("t", "synced");
        EXPECT_LE(calls_per_request(produce_request({{key, batch()}})), 0.3) << commit;
        EXPECT_EQ(broker().stop(), 0);
        std::filesystem::remove_all(data());
    }
}

// A second after the last group an empty one says that it is flushed: the two looks are closer.
TEST_F(SystemCallsTest, OfAnIdleBrokerAreOneWriteAndOneFlushForABatch) {
    using Clock = std::chrono::steady_clock;
    start({"node.shards=1"});
    create("t", 1);
    for (;;) {
        ASSERT_GE(send(record_of("t", "first")), 0);
        const auto began = Clock::now();
        const auto writes = value("millrace_wal_writes_total");
        const auto flushes = value("millrace_wal_flushes_total");
        ASSERT_GE(send(record_of("t", "second")), 0);
        const auto writes_after = value("millrace_wal_writes_total");
        const auto flushes_after = value("millrace_wal_flushes_total");
        if (Clock::now() - began > std::chrono::milliseconds(500)) continue;
        EXPECT_EQ(writes_after, writes + 1);
        EXPECT_EQ(flushes_after, flushes) << "the write did not flush itself";
        return;
    }
}

}  // namespace
}  // namespace millrace::testing
