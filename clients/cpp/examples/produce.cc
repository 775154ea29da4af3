// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Sends every line of its input as a record and says where each was stored. A line may have a key:
// what stands before its first tab.
//
//     c++ -std=c++17 produce.cc $(pkg-config --cflags --libs millrace) -o produce
//     printf 'alice\tone apple\nbob\ttwo pears\n' | ./produce 127.0.0.1:9192 orders
#include "millrace/millrace.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

namespace {

int fail(const millrace::Error& error) {
    std::fprintf(stderr, "%s\n", error.message.c_str());
    return EXIT_FAILURE;
}

// Borrows from `line`: send() copies what it needs.
millrace::Record record_of(std::string_view topic, std::string_view line) {
    millrace::Record record;
    record.topic = topic;
    const auto tab = line.find('\t');
    if (tab != std::string_view::npos) {
        record.key = line.substr(0, tab);
        line.remove_prefix(tab + 1);
    }
    record.value = line;
    return record;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: produce SERVER TOPIC < LINES\n");
        return 2;
    }
    millrace::ClientOptions options;
    options.addresses = argv[1];
    const auto client = millrace::Client::connect(options);
    if (!client) return fail(client.error());

    millrace::ProducerOptions producer_options;
    producer_options.linger = std::chrono::milliseconds(5);  // Many records in one request.
    producer_options.compression = millrace::Compression::zstd;
    auto producer = millrace::Producer::open(*client, producer_options);
    if (!producer) return fail(producer.error());

    std::atomic<int> failures{0};
    std::string line;
    while (std::getline(std::cin, line)) {
        // Runs on the client's own thread when the record is stored, or cannot be.
        const auto queued = producer->send(
                record_of(argv[2], line), [&failures](const millrace::Result<millrace::Ack>& ack) {
                    if (!ack) {
                        std::fprintf(stderr, "%s\n", ack.error().message.c_str());
                        ++failures;
                        return;
                    }
                    std::printf("%s-%u offset %lld\n",
                                ack->topic.c_str(),
                                ack->partition,
                                static_cast<long long>(ack->offset));
                });
        if (!queued) return fail(queued.error());
    }
    const auto closed = producer->close();
    if (!closed) return fail(closed.error());
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
