// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/hostile_fixture.h"

#include "broker/protocol/uuid.h"
#include "tests/hostile/connection_loop.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

namespace millrace::testing {

namespace {

using wire::ErrorCode;

constexpr std::uint32_t kPartitions = 8;  // Enough that each shard has some.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t kMemoryGrowthMax = 1024ULL << 20;  // Freed memory is kept for a while.
#else
// The broker below may use 192 MiB in all. What the items ask for together is far above that.
constexpr std::uint64_t kMemoryGrowthMax = 192ULL << 20;
#endif

struct Shared {
    DataDirectory directory;
    std::unique_ptr<BrokerProcess> broker;
    std::unique_ptr<RawClient> honest;  // Connected all the time.
    engine::TopicId victim;
    engine::TopicId honest_topic;
};

std::unique_ptr<Shared>& shared() {
    static std::unique_ptr<Shared> instance;
    return instance;
}

std::string proc_path(const char* file) {
    return "/proc/" + std::to_string(shared()->broker->ready().pid) + "/" + file;
}

// Takes away what fills the frame behind the rows' bytes.
void trim_padding(Answer& answer) {
    const auto* response = answer.as<wire::FetchResponse>();
    std::size_t bytes = 0;
    if (response != nullptr && response->partitions() != nullptr) {
        for (const auto* row : *response->partitions())
            bytes += row->payload_bytes();
    }
    EXPECT_LT(answer.payload.size() - bytes, 8U);
    answer.payload.resize(bytes);
}

// One record to each partition, all in one request; then all of them in one fetch.
void produce_and_fetch(RawClient& client, const std::string& value) {
    const auto topic = shared()->honest_topic;
    std::vector<Batches> batches;
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition)
        batches.push_back({{topic, partition}, batch_of({value})});
    const auto produced = client.ask(produce_request(batches));
    const auto* response = produced.as<wire::ProduceResponse>();
    ASSERT_NE(response, nullptr);
    ASSERT_EQ(error_of(produced), "none") << produced.message();
    std::vector<Wanted> wanted;
    for (const auto* row : *response->partitions()) {
        ASSERT_EQ(name_of(row->error()), "none");
        wanted.push_back({{topic, row->partition()}, row->base_offset()});
    }
    auto answer = client.ask(fetch_request(wanted, {.wait_max_ms = 0}));
    ASSERT_EQ(error_of(answer), "none") << answer.message();
    trim_padding(answer);
    const auto parts = fetched(answer);
    ASSERT_EQ(parts.size(), kPartitions);
    for (const auto& [key, part] : parts) {
        ASSERT_FALSE(part.records.empty()) << "partition " << key.partition;
        EXPECT_EQ(part.records.front().second, value);
    }
}

std::string describe(const Answer& metadata) {
    const auto* response = metadata.as<wire::MetadataResponse>();
    if (response == nullptr || response->topics() == nullptr) return metadata.message();
    std::vector<std::string> lines;
    for (const auto* topic : *response->topics()) {
        std::ostringstream line;
        line << topic->name()->str() << ' ' << topic->id()->high() << ' ' << topic->id()->low()
             << ' ' << topic->partitions()->size() << '\n';
        lines.push_back(line.str());
    }
    std::ranges::sort(lines);
    std::string text;
    for (const auto& line : lines)
        text += line;
    return text;
}

std::string describe_settings(const Answer& answer) {
    const auto* response = answer.as<wire::DescribeConfigsResponse>();
    if (response == nullptr || response->resources() == nullptr) return answer.message();
    std::string text;
    for (const auto* resource : *response->resources()) {
        for (const auto* entry : *resource->entries())
            text += entry->key()->str() + '=' + entry->value()->str() + '\n';
    }
    return text;
}

}  // namespace

std::string name_of(ErrorCode code) {
    return name_of(static_cast<std::uint16_t>(code));
}

std::string name_of(std::uint16_t number) {
    for (const auto& row : wire::kErrorRows) {
        if (static_cast<std::uint16_t>(row.code) == number) return std::string(row.name);
    }
    return "error " + std::to_string(number);
}

std::string error_of(const Answer& answer) {
    return name_of(answer.error());
}

wire::HelloResponse hello_response(const Answer& answer) {
    wire::HelloResponse response;
    if (answer.payload.size() < sizeof response) throw std::runtime_error("that is no hello");
    std::memcpy(&response, answer.payload.data(), sizeof response);
    return response;
}

RequestFrame with_table(wire::Api api, engine::Bytes table, engine::Bytes payload) {
    return make_frame(api, table, payload);
}

void Hostile::SetUpTestSuite() {
    shared() = std::make_unique<Shared>();
    shared()->broker = std::make_unique<BrokerProcess>(
            BrokerOptions{.data_directory = shared()->directory.path(),
                          .settings = {"node.shards=2",
                                       "memory.total=192MiB",
                                       "wal.bytes=64MiB",
                                       "topic.durability=memory"},
                          .arguments = {},
                          .ordinary_user = false});
    shared()->honest = std::make_unique<RawClient>(connect());
    shared()->victim = create_topic("victim", kPartitions, {{"retention.ms", "-1"}});
    shared()->honest_topic = create_topic("honest", kPartitions, {{"retention.ms", "-1"}});
}

void Hostile::TearDownTestSuite() {
    if (shared()->broker != nullptr) {
        EXPECT_EQ(broker().stop(), 0) << broker().log();
    }
    shared().reset();
}

void Hostile::SetUp() {
    // A test that failed may have left something unread.
    if (::testing::UnitTest::GetInstance()->failed_test_count() != 0) {
        shared()->honest = std::make_unique<RawClient>(connect());
    }
    // What a first use needs is no growth.
    expect_honest_service();
    before_ = state();
    std::ofstream(proc_path("clear_refs")) << "5";  // The peak starts anew.
    memory_before_ = memory_peak();
    memory_growth_max = kMemoryGrowthMax;
}

void Hostile::TearDown() {
    pollfd ended{.fd = broker().process().descriptor(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(poll(&ended, 1, 0), 0) << "the broker is gone:\n" << broker().log();
    produce_and_fetch(*shared()->honest, "still here");
    expect_honest_service();
    const auto after = state();
    EXPECT_EQ(after.catalog, before_.catalog);
    before_.ends[0] += records_expected;
    EXPECT_EQ(after.ends, before_.ends);
    EXPECT_LT(memory_growth(), memory_growth_max);
}

BrokerProcess& Hostile::broker() {
    return *shared()->broker;
}

const std::filesystem::path& Hostile::data() {
    return shared()->directory.path();
}

RawClient Hostile::dial() {
    return RawClient(broker().address());
}

RawClient Hostile::connect() {
    auto client = dial();
    EXPECT_EQ(name_of(hello_response(client.ask(hello_request())).error), "none");
    return client;
}

engine::PartitionKey Hostile::victim(std::uint32_t partition) {
    return {shared()->victim, partition};
}

std::int64_t Hostile::end_of(const engine::PartitionKey& key) {
    const auto answer = shared()->honest->ask(list_offsets_request(key, -1));
    const auto* response = answer.as<wire::ListOffsetsResponse>();
    if (response == nullptr || response->partitions() == nullptr) return -1;
    const auto* row = response->partitions()->Get(0);
    return row->error() == 0 ? row->offset() : -1;
}

Hostile::State Hostile::state() {
    State state;
    auto& honest = *shared()->honest;
    state.catalog = describe(honest.ask(metadata_request({}))) +
                    describe_settings(honest.ask(describe_topic_configs_request("victim", {})));
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition)
        state.ends.push_back(end_of(victim(partition)));
    return state;
}

void Hostile::expect_stream_refused(engine::Bytes bytes, std::string_view reason) {
    auto stranger = dial();
    stranger.write(bytes);
    EXPECT_TRUE(stranger.closed_in_silence()) << reason;
    auto known = connect();
    known.write(bytes);
    EXPECT_TRUE(known.closed_in_silence()) << reason;

    ConnectionLoop loop;
    loop.start();
    const int client = loop.connect();
    loop.write(client, bytes);
    EXPECT_TRUE(loop.turn_until([&] { return loop.handler_.closed_count == 1; })) << reason;
    EXPECT_TRUE(loop.closed_with(reason)) << loop.events_.lines.back();
    EXPECT_TRUE(loop.handler_.requests.empty());
}

void Hostile::expect_refused(const RequestFrame& frame, ErrorCode code) {
    auto client = connect();
    const auto answer = client.ask(frame);
    EXPECT_EQ(error_of(answer), name_of(code)) << answer.message();
    EXPECT_FALSE(answer.message().empty());
    EXPECT_TRUE(answer.payload.empty());
    EXPECT_EQ(error_of(client.ask(metadata_request({"victim"}))), "none");
}

std::string Hostile::produce_error(const std::vector<std::byte>& batches) {
    auto client = connect();
    return produce_error(client, victim(), batches);
}

std::string Hostile::produce_error(RawClient& client,
                                   const engine::PartitionKey& key,
                                   const std::vector<std::byte>& batches) {
    const auto answer = client.ask(produce_request({{key, batches}}));
    if (answer.error() != 0) return error_of(answer);
    const auto* response = answer.as<wire::ProduceResponse>();
    if (response == nullptr || response->partitions() == nullptr) return "no rows";
    const auto* row = response->partitions()->Get(0);
    EXPECT_EQ(row->error() == 0, row->base_offset() >= 0);
    if (row->error() != 0) {
        EXPECT_EQ(response->messages()->size(), 1U);
    }
    return name_of(row->error());
}

engine::TopicId Hostile::create_topic(const std::string& name,
                                      std::uint32_t partitions,
                                      const Settings& config) {
    const auto answer = shared()->honest->ask(create_topic_request(name, partitions, config));
    const auto* response = answer.as<wire::CreateTopicsResponse>();
    if (response == nullptr || response->topics() == nullptr) {
        throw std::runtime_error("topic " + name + " was not made: " + answer.message());
    }
    const auto* topic = response->topics()->Get(0);
    EXPECT_EQ(name_of(topic->error()), "none");
    return broker::from_wire(*topic->id());
}

void Hostile::delete_topic(const std::string& name) {
    EXPECT_EQ(error_of(shared()->honest->ask(delete_topic_request(name))), "none");
}

void Hostile::expect_honest_service() {
    auto client = connect();
    produce_and_fetch(client, "a record");
}

std::uint64_t Hostile::memory_peak() {
    std::ifstream status(proc_path("status"));
    std::string word;
    while (status >> word) {
        std::uint64_t kibibytes = 0;
        if (word == "VmHWM:" && status >> kibibytes) return kibibytes << 10;
    }
    ADD_FAILURE() << "the kernel does not say how much memory the broker uses";
    return 0;
}

std::uint64_t Hostile::memory_growth() const {
    const auto peak = memory_peak();
    return peak - std::min(peak, memory_before_);
}

std::chrono::milliseconds Hostile::processor_time() {
    std::ifstream stat(proc_path("stat"));
    std::string text;
    std::getline(stat, text);
    std::istringstream fields(text.substr(text.rfind(')') + 1));
    std::string skipped;
    for (int field = 3; field < 14; ++field)
        fields >> skipped;
    std::int64_t user = 0;
    std::int64_t system = 0;
    fields >> user >> system;
    return std::chrono::milliseconds((user + system) * 1000 / sysconf(_SC_CLK_TCK));
}

std::size_t Hostile::open_descriptors() {
    const std::filesystem::directory_iterator entries(proc_path("fd"));
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

}  // namespace millrace::testing
