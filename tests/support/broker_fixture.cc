// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/broker_fixture.h"

#include <algorithm>
#include <stdexcept>

namespace millrace::testing {

namespace {

template <class T>
T value_or_throw(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
}

StoredRecord stored(const RecordView& record) {
    StoredRecord result{.partition = record.partition,
                        .offset = record.offset,
                        .timestamp_ms = record.timestamp_ms,
                        .key = std::string(record.key.value_or("")),
                        .value = std::string(record.value.value_or("")),
                        .headers = {}};
    for (const auto& header : record.headers) {
        result.headers.emplace_back(header.key, header.value.value_or(""));
    }
    return result;
}

}  // namespace

void BrokerTest::start(std::vector<std::string> settings) {
    settings_ = std::move(settings);
    broker_ = std::make_unique<BrokerProcess>(BrokerOptions{.data_directory = data(),
                                                            .settings = settings_,
                                                            .arguments = {},
                                                            .environment = environment_,
                                                            .ordinary_user = false});
}

void BrokerTest::restart() {
    ASSERT_EQ(broker_->stop(), 0) << broker_->log();
    start(settings_);
}

void BrokerTest::kill_and_start() {
    broker_->kill();
    start(settings_);
}

Client BrokerTest::client() const {
    ClientOptions options;
    options.addresses = broker_->address();
    return value_or_throw(Client::connect(options));
}

Admin BrokerTest::admin() const {
    return value_or_throw(Admin::open(client()));
}

void BrokerTest::create(const std::string& topic,
                        std::uint32_t partitions,
                        std::vector<std::pair<std::string, std::string>> config) const {
    const auto created = admin().create_topic({topic, partitions, std::move(config)});
    ASSERT_TRUE(created) << created.error().message;
    ASSERT_EQ(created->error.code, ErrorCode::none) << created->error.message;
}

std::int64_t BrokerTest::send(const Record& record, const ProducerOptions& options) const {
    auto producer = value_or_throw(Producer::open(client(), options));
    auto ack = producer.send(record).get();
    EXPECT_TRUE(ack) << ack.error().message;
    return ack ? ack->offset : -1;
}

void BrokerTest::send_all(const std::vector<Record>& records,
                          const ProducerOptions& options) const {
    auto producer = value_or_throw(Producer::open(client(), options));
    for (const auto& record : records) {
        const auto queued = producer.send(
                record, [](const Result<Ack>& ack) { EXPECT_TRUE(ack) << ack.error().message; });
        ASSERT_TRUE(queued) << queued.error().message;
    }
    const auto flushed = producer.flush();
    ASSERT_TRUE(flushed) << flushed.error().message;
}

std::vector<StoredRecord> BrokerTest::read(const std::string& topic,
                                           std::size_t count,
                                           Position from) const {
    auto consumer = value_or_throw(Consumer::open(client()));
    const auto assigned = consumer.assign_topic(topic, from);
    if (!assigned) throw std::runtime_error(assigned.error().message);
    std::vector<StoredRecord> records;
    while (records.size() < count) {
        const auto polled = value_or_throw(consumer.poll(std::chrono::seconds(10)));
        if (polled.empty()) break;
        for (const auto& record : polled)
            records.push_back(stored(record));
    }
    return records;
}

CommandResult BrokerTest::millrace(std::vector<std::string> arguments,
                                   std::string_view input) const {
    std::vector<std::string> command{millrace_path(), "-s", broker_->address()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run_command(command, input);
}

std::vector<std::filesystem::path> BrokerTest::files(const std::string& suffix) const {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(data())) {
        if (entry.path().string().ends_with(suffix)) found.push_back(entry.path());
    }
    std::ranges::sort(found);
    return found;
}

Record record_of(std::string_view topic, std::string_view value) {
    Record record;
    record.topic = topic;
    record.value = value;
    return record;
}

}  // namespace millrace::testing
