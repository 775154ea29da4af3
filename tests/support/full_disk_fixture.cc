// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/full_disk_fixture.h"

#include "millrace/consumer.h"
#include "tests/support/http_get.h"
#include "tests/support/metrics_page.h"

#include <gmock/gmock.h>

#include <deque>
#include <future>
#include <poll.h>
#include <stdexcept>

namespace millrace::testing {

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uintmax_t kImageBytes = 192U << 20;
constexpr std::size_t kInFlight = 64;
constexpr std::uint64_t kNearlyBytes = 512U << 10;  // For a run of records, not a checkpoint.

template <class T>
T value_or_throw(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
}

}  // namespace

void FullDiskTest::SetUp() {
    std::filesystem::create_directories(directory_.path());
    // Few inodes, so that they can be used up quickly; every block is the users'.
    image_ = std::make_unique<MountedImage>(
            directory_.path(),
            kImageBytes,
            std::vector<std::string>{"mkfs.ext4", "-q", "-F", "-m", "0", "-N", "512"});
    if (!image_->refusal().empty()) {
        ASSERT_FALSE(must_mount()) << image_->refusal();
        GTEST_SKIP() << "SKIPPED: a full disk needs root and a loop device: " << image_->refusal();
    }
    ballast_ = std::make_unique<DiskBallast>(image_->path() / "ballast");
}

void FullDiskTest::TearDown() {
    if (HasFailure() && broker_ != nullptr) ADD_FAILURE() << broker_->log();
}

void FullDiskTest::start(const std::string& folder) {
    broker_ = std::make_unique<BrokerProcess>(BrokerOptions{
            .data_directory = data(folder),
            .settings = {"node.shards=1", "wal.bytes=32MiB", "topic.segment_bytes=4MiB"},
            .arguments = {},
            .side_folder = directory_.path()});
}

void FullDiskTest::kill_and_start() {
    broker_->kill();
    start();
}

void FullDiskTest::fill() {
    if (GetParam() == Shortage::blocks) {
        ballast_->take_blocks();
    } else {
        ballast_->take_inodes();
    }
}

void FullDiskTest::fill_nearly() {
    if (GetParam() == Shortage::blocks) {
        ballast_->take_blocks(kNearlyBytes);
    } else {
        ballast_->take_inodes();
    }
}

Client FullDiskTest::client(std::chrono::milliseconds patience) {
    ClientOptions options;
    options.addresses = broker_->address();
    options.request_timeout = patience;
    return value_or_throw(Client::connect(options));
}

Admin FullDiskTest::admin() {
    return value_or_throw(Admin::open(client(kPatience)));
}

void FullDiskTest::create(const std::string& topic,
                          std::vector<std::pair<std::string, std::string>> config) {
    const auto created = admin().create_topic({topic, 1, std::move(config)});
    ASSERT_TRUE(created) << created.error().message;
}

std::string FullDiskTest::value_of(std::uint64_t number) {
    auto value = std::to_string(number) + " ";
    return value.append(kRecordBytes - value.size(), 'x');
}

std::optional<Error> FullDiskTest::send(const std::string& topic,
                                        std::uint64_t bytes,
                                        std::chrono::milliseconds patience) {
    ProducerOptions options;
    options.delivery_timeout = patience;
    auto producer = value_or_throw(Producer::open(client(std::chrono::seconds(30)), options));
    std::deque<std::pair<std::uint64_t, std::future<Result<Ack>>>> waiting;
    std::optional<Error> refused;
    const auto take_first = [&] {
        const auto number = waiting.front().first;
        const auto ack = waiting.front().second.get();
        waiting.pop_front();
        if (ack) {
            acked_[topic][ack->offset] = number;
        } else if (!refused) {
            refused = ack.error();
        }
    };
    for (std::uint64_t sent = 0; sent < bytes && !refused; sent += kRecordBytes) {
        const auto value = value_of(next_number_);
        Record record;
        record.topic = topic;
        record.value = value;
        waiting.emplace_back(next_number_++, producer.send(record));
        if (waiting.size() >= kInFlight) take_first();
    }
    while (!waiting.empty())
        take_first();
    return refused;
}

void FullDiskTest::expect_refusal(const std::string& topic) {
    expect_storage_full(send(topic, 2 * kLogBytes, kPatience));
    EXPECT_GE(metric_of("millrace_appends_refused_total{reason=\"storage_full\"}"), 1);
}

void FullDiskTest::expect_storage_full(const std::optional<Error>& error) {
    ASSERT_TRUE(error) << "nothing was refused";
    EXPECT_EQ(error->code, ErrorCode::storage_full) << error->message;
    EXPECT_TRUE(error->retryable());
    EXPECT_THAT(error->message, HasSubstr("disk is full"));
    EXPECT_THAT(error->message, HasSubstr("until there is space"));
}

void FullDiskTest::expect_told() {
    const auto& http = broker_->ready().http;
    EXPECT_TRUE(eventually([&] { return http_get(http, "/readyz").status == 503; }));
    EXPECT_THAT(
            http_get(http, "/readyz?verbose").body,
            AllOf(HasSubstr(
                          "the disk is full: appends are refused until there is space, and inodes"),
                  HasSubstr(data().string())));
    EXPECT_EQ(metric_of("millrace_storage_full"), 1);
    EXPECT_EQ(http_get(http, "/livez").status, 200);
    EXPECT_TRUE(logged("storage.full"));
}

void FullDiskTest::expect_everything_readable() {
    for (const auto& [topic, records] : acked_) {
        auto consumer = value_or_throw(Consumer::open(client(std::chrono::seconds(30))));
        ASSERT_TRUE(consumer.assign_topic(topic));
        auto expected = records.begin();
        while (expected != records.end()) {
            const auto polled = value_or_throw(consumer.poll(std::chrono::seconds(10)));
            ASSERT_FALSE(polled.empty()) << topic << " ends before " << expected->first;
            for (const auto& record : polled) {
                if (expected == records.end() || record.offset < expected->first) continue;
                ASSERT_EQ(record.offset, expected->first) << topic;
                ASSERT_EQ(record.value.value_or(""), value_of(expected->second)) << topic;
                ++expected;
            }
        }
    }
}

void FullDiskTest::expect_recovery(const std::string& topic) {
    ballast_->give_back();
    EXPECT_TRUE(eventually([&] { return !send(topic, kRecordBytes, kPatience); }));
    const auto& http = broker_->ready().http;
    EXPECT_TRUE(eventually([&] { return http_get(http, "/readyz").status == 200; }));
    EXPECT_EQ(metric_of("millrace_storage_full"), 0);
    EXPECT_EQ(logged("storage.full"), logged("storage.has_space"));
    // More than the log holds: what was refused below it goes on, too.
    EXPECT_FALSE(send(topic, kLogBytes + kLogBytes / 4));
    expect_everything_readable();
    kill_and_start();
    expect_everything_readable();
    EXPECT_FALSE(send(topic, kRecordBytes));
    EXPECT_EQ(broker_->stop(), 0) << broker_->log();
}

bool FullDiskTest::logged(const std::string& event) {
    return broker_->log().find(event) != std::string::npos;
}

double FullDiskTest::metric_of(const std::string& series) {
    return metric(broker_->ready().http, series);
}

bool FullDiskTest::eventually(const std::function<bool()>& condition, std::chrono::seconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        poll(nullptr, 0, 20);
    }
    return true;
}

}  // namespace millrace::testing
