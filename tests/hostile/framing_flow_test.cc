// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Frames that are right, or would be, and how they come: late, in pieces, many at once, never
// read, broken off.
#include "tests/hostile/connection_loop.h"
#include "tests/hostile/hostile_fixture.h"

#include <gmock/gmock.h>

namespace millrace::testing {
namespace {

using std::chrono::seconds;

std::vector<std::byte> joined(const std::vector<RequestFrame>& frames) {
    std::vector<std::byte> bytes;
    for (const auto& frame : frames) {
        const auto more = bytes_of(frame);
        bytes.insert(bytes.end(), more.begin(), more.end());
    }
    return bytes;
}

RequestFrame large_produce(const engine::PartitionKey& key, std::size_t bytes) {
    return produce_request({{key, batch_of({std::string(bytes, 'x')})}});
}

std::int64_t base_offset(const Answer& answer) {
    const auto* response = answer.as<wire::ProduceResponse>();
    if (response == nullptr || response->partitions() == nullptr) return -1;
    return response->partitions()->Get(0)->base_offset();
}

TEST_F(Hostile, Framing_06_LengthLargerThanSentThenAStall) {
    // Together they announce 1 GiB, and send 64 KiB.
    auto header = large_produce(victim(), 100).header;
    header.frame_bytes = (16U << 20) - 4;
    auto start = bytes_of(header);
    start.resize(1024);
    std::vector<RawClient> stalled;
    for (int number = 0; number < 64; ++number) {
        stalled.push_back(connect());
        stalled.back().write(start);
    }
    expect_honest_service();
    // One that ends instead is as good as never come.
    auto ending = connect();
    ending.write(start);
    ending.shut_down_writing();
    EXPECT_TRUE(ending.closed_in_silence());

    ConnectionLoop loop;
    loop.start();
    const int client = loop.connect();
    const auto frame = loop.request(1, 8, 8U << 20);
    loop.write(client, engine::Bytes(frame).first(512U << 10));
    loop.settle();
    EXPECT_LE(loop.budget_->used(), 1U << 20);  // Of 8 MiB.
    // The kernel keeps some of it back, for more to come: it is fetched little by little.
    for (int looks = 0; looks < 3; ++looks)
        loop.pass(seconds(2));
    loop.pass(seconds(27));
    EXPECT_EQ(loop.handler_.closed_count, 0U);
    loop.pass(seconds(4));
    EXPECT_TRUE(loop.turn_until([&] { return loop.at_end(client); }));
    EXPECT_TRUE(loop.closed_with("does not finish its frame"));
    EXPECT_TRUE(loop.handler_.requests.empty());
}

TEST_F(Hostile, Framing_07_OneByteAtATime) {
    ConnectionLoop loop;
    loop.start();
    loop.handler_.authenticate = false;
    const int stranger = loop.connect_tcp();
    const auto hello = bytes_of(hello_request());
    loop.write(stranger, engine::Bytes(hello).first(1));
    loop.pass(seconds(9));
    EXPECT_EQ(loop.handler_.closed_count, 0U);
    loop.write(stranger, engine::Bytes(hello).subspan(1, 1));
    loop.pass(seconds(2));
    EXPECT_TRUE(loop.turn_until([&] { return loop.at_end(stranger); }));
    EXPECT_TRUE(loop.closed_with("no hello in time"));

    loop.handler_.authenticate = true;
    const int client = loop.connect();
    const auto frame = loop.request(1, 8, 100'000);
    std::size_t sent = 0;
    while (loop.handler_.closed_count == 1 && sent < 100) {
        loop.write(client, engine::Bytes(frame).subspan(sent++, 1));
        loop.settle();
        loop.pass(seconds(9));
    }
    EXPECT_TRUE(loop.closed_with("does not finish its frame"));
    EXPECT_EQ(sent, 4U);  // It was given 30 seconds.
    EXPECT_TRUE(loop.handler_.requests.empty());
}

// Legal. That the frame before the cut is answered shows that its first part has arrived alone.
TEST_F(Hostile, Framing_08_HeaderSplitAtEachByte) {
    auto client = connect();
    for (std::size_t cut = 1; cut < wire::kFrameHeaderBytes; ++cut) {
        SCOPED_TRACE(cut);
        const auto first = metadata_request({"victim"});
        const auto second = list_offsets_request(victim(), -1);
        const auto both = joined({first, second});
        const auto until = bytes_of(first).size() + cut;
        client.write(engine::Bytes(both).first(until));
        const auto answer = client.read();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->header.correlation_id, first.header.correlation_id);
        client.write(engine::Bytes(both).subspan(until));
        const auto other = client.read();
        ASSERT_TRUE(other);
        EXPECT_EQ(other->header.correlation_id, second.header.correlation_id);
        EXPECT_EQ(error_of(*other), "none");
    }
}

// Legal.
TEST_F(Hostile, Framing_09_TwoFramesInOnePacket) {
    const auto end = end_of(victim());
    auto client = connect();
    client.write(joined({produce_request({{victim(), batch_of({"one"})}}),
                         produce_request({{victim(), batch_of({"two"})}})}));
    for (const auto offset : {end, end + 1}) {
        const auto answer = client.read();
        ASSERT_TRUE(answer);
        EXPECT_EQ(error_of(*answer), "none");
        EXPECT_EQ(base_offset(*answer), offset);
    }
    records_expected = 2;
}

// Legal.
TEST_F(Hostile, Framing_10_TenThousandPipelinedRequests) {
    constexpr std::uint32_t kRequests = 10'000;
    const auto end = end_of(victim());
    auto frame = produce_request({{victim(), batch_of({"x"})}});
    std::vector<std::byte> bytes;
    for (std::uint32_t number = 0; number < kRequests; ++number) {
        frame.header.correlation_id = number;
        const auto more = bytes_of(frame);
        bytes.insert(bytes.end(), more.begin(), more.end());
    }
    auto client = connect();
    std::vector<std::int64_t> offsets(kRequests, -1);
    engine::Bytes rest(bytes);
    for (std::uint32_t answered = 0; answered < kRequests;) {
        rest = rest.subspan(client.write_some(rest));
        for (const auto& answer : client.read_ready()) {
            ASSERT_LT(answer.header.correlation_id, kRequests);
            auto& offset = offsets[answer.header.correlation_id];
            EXPECT_EQ(offset, -1) << "answered twice";
            offset = base_offset(answer);
            ++answered;
        }
        if (answered < kRequests) client.wait(!rest.empty());
    }
    for (std::uint32_t number = 0; number < kRequests; ++number)
        ASSERT_EQ(offsets[number], end + number);
    records_expected = kRequests;
}

// An id means something to the client alone: the broker keeps nothing under it, and gives each
// request one answer that repeats it. So there is no state that a second use could mix up.
TEST_F(Hostile, Framing_15_DuplicateCorrelationId) {
    auto client = connect();
    auto waiting = fetch_request({{victim(), end_of(victim())}}, {.wait_max_ms = 600'000});
    auto listing = list_offsets_request(victim(), -1);
    auto refused = with_table(wire::Api::list_offsets, {});
    for (auto* frame : {&waiting, &listing, &refused})
        frame->header.correlation_id = 4711;
    client.write(joined({waiting, listing, refused, listing}));
    std::vector<std::string> answers;
    for (int number = 0; number < 3; ++number) {
        const auto answer = client.read();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->header.correlation_id, 4711U);
        EXPECT_EQ(answer->header.api, static_cast<std::uint16_t>(wire::Api::list_offsets));
        answers.push_back(error_of(*answer));
    }
    EXPECT_THAT(answers, ::testing::UnorderedElementsAre("none", "malformed_request", "none"));
    // The oldest of the four still waits under its id, and is answered with its own answer.
    auto other = connect();
    EXPECT_EQ(produce_error(other, victim(), batch_of({"x"})), "none");
    const auto last = client.read();
    ASSERT_TRUE(last);
    EXPECT_EQ(last->header.api, static_cast<std::uint16_t>(wire::Api::fetch));
    EXPECT_EQ(last->header.correlation_id, 4711U);
    records_expected = 1;
}

TEST_F(Hostile, Framing_18_ResetInTheMiddleOfAFrame) {
    const auto frame = bytes_of(large_produce(victim(), 200'000));
    const auto open = open_descriptors();
    for (const std::size_t sent : {std::size_t{1},
                                   std::size_t{12},
                                   std::size_t{30},
                                   std::size_t{70'000},
                                   frame.size() - 1}) {
        SCOPED_TRACE(sent);
        auto client = connect();
        client.write(engine::Bytes(frame).first(sent));
        client.reset();
        expect_honest_service();
    }
    // Nothing of them is left. Each look is a round trip, in which the broker can do its part.
    int looks = 0;
    while (open_descriptors() > open && ++looks < 10'000)
        static_cast<void>(end_of(victim()));
    EXPECT_LE(open_descriptors(), open);
}

// Legal: what was asked before the end is answered.
TEST_F(Hostile, Framing_19_HalfClose) {
    const auto end = end_of(victim());
    auto client = connect();
    client.write(joined({produce_request({{victim(), batch_of({"last words"})}}),
                         list_offsets_request(victim(), -2)}));
    client.shut_down_writing();
    std::int64_t offset = -1;
    for (int number = 0; number < 2; ++number) {
        const auto answer = client.read();
        ASSERT_TRUE(answer);
        EXPECT_EQ(error_of(*answer), "none");
        if (answer->header.api == static_cast<std::uint16_t>(wire::Api::produce)) {
            offset = base_offset(*answer);
        }
    }
    EXPECT_EQ(offset, end);
    EXPECT_TRUE(client.closed_in_silence());
    records_expected = 1;
}

TEST_F(Hostile, Framing_20_NeverReadingClient) {
    const engine::PartitionKey key{create_topic("large", 1), 0};
    auto producer = connect();
    for (int number = 0; number < 8; ++number)
        ASSERT_EQ(produce_error(producer, key, batch_of({std::string(900'000, 'x')})), "none");
    // Half of them ask for more than 2 GiB of records together, half for 1 GiB of tables.
    std::vector<RequestFrame> fetches;
    for (int number = 0; number < 200; ++number)
        fetches.push_back(fetch_request({{key, number % 8}}));
    const auto description = request_of(wire::Api::describe_configs, [](auto& builder) {
        const auto row =
                wire::CreateConfigResourceDirect(builder, wire::ResourceKind::topic, "victim");
        return wire::CreateDescribeConfigsRequest(builder,
                                                  builder.CreateVector(std::vector(200, row)));
    });
    EXPECT_GT(connect().ask(description).table_bytes, 300U << 10);
    const auto requests = joined(fetches);
    const auto other_requests = joined(std::vector(200, description));
    std::vector<RawClient> silent;
    for (int number = 0; number < 32; ++number) {
        silent.push_back(connect());
        silent.back().shrink_receive_buffer();
        silent.back().write(number % 2 == 0 ? requests : other_requests);
    }
    for (int number = 0; number < 20; ++number)
        expect_honest_service();
    silent.clear();
    delete_topic("large");

    ConnectionLoop loop;
    loop.start();
    const int client = loop.connect();
    loop.write(client, loop.request(1, 0, 0));
    ASSERT_TRUE(loop.turn_until([&] { return loop.handler_.requests.size() == 1; }));
    loop.handler_.answer(std::string(16U << 20, 'x'));
    loop.turn();
    loop.pass(seconds(29));
    EXPECT_EQ(loop.handler_.closed_count, 0U);
    loop.pass(seconds(2));
    EXPECT_TRUE(loop.turn_until([&] { return loop.handler_.closed_count == 1; }));
    EXPECT_TRUE(loop.closed_with("does not read its answers"));
    EXPECT_EQ(loop.responses_.used(), 0U);
}

}  // namespace
}  // namespace millrace::testing
