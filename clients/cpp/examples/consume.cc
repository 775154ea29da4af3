// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Prints the records of a topic from its start to the end it has now.
//
//     c++ -std=c++17 consume.cc $(pkg-config --cflags --libs millrace) -o consume
//     ./consume 127.0.0.1:9192 orders
#include "millrace/millrace.h"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

namespace {

int fail(const millrace::Error& error) {
    std::fprintf(stderr, "%s\n", error.message.c_str());
    return EXIT_FAILURE;
}

void print(const millrace::RecordView& record) {
    const auto key = record.key.value_or("-");
    const auto value = record.value.value_or("");
    std::printf("%u %lld %.*s %.*s\n",
                record.partition,
                static_cast<long long>(record.offset),
                static_cast<int>(key.size()),
                key.data(),
                static_cast<int>(value.size()),
                value.data());
}

// Partitions that hold records, with the offset behind the last one.
using Ends = std::map<std::uint32_t, std::int64_t>;

millrace::Result<Ends> ends_of(const millrace::Client& client, const std::string& topic) {
    auto admin = millrace::Admin::open(client);
    if (!admin) return admin.error();
    const auto offsets = admin->topic_offsets(topic);
    if (!offsets) return offsets.error();
    Ends ends;
    for (const auto& partition : *offsets) {
        if (partition.end_offset > partition.start_offset) {
            ends[partition.partition] = partition.end_offset;
        }
    }
    return ends;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: consume SERVER TOPIC\n");
        return 2;
    }
    const std::string topic = argv[2];
    millrace::ClientOptions options;
    options.addresses = argv[1];
    const auto client = millrace::Client::connect(options);
    if (!client) return fail(client.error());
    auto left = ends_of(*client, topic);
    if (!left) return fail(left.error());

    auto consumer = millrace::Consumer::open(*client);
    if (!consumer) return fail(consumer.error());
    const auto assigned = consumer->assign_topic(topic, millrace::Position::start());
    if (!assigned) return fail(assigned.error());

    while (!left->empty()) {
        const auto records = consumer->poll(std::chrono::seconds(1));
        if (!records) return fail(records.error());
        for (const auto& record : *records) {  // Views: they live as long as `records`.
            const auto end = left->find(record.partition);
            if (end == left->end() || record.offset >= end->second) continue;
            print(record);
            if (record.offset + 1 == end->second) left->erase(end);
        }
    }
    return EXIT_SUCCESS;
}
