// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Makes a topic unless it exists, and shows the cluster and the topic's partitions.
//
//     c++ -std=c++17 topics.cc $(pkg-config --cflags --libs millrace) -o topics
//     ./topics 127.0.0.1:9192 orders 3
#include "millrace/millrace.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

int fail(const millrace::Error& error) {
    std::fprintf(stderr, "%s\n", error.message.c_str());
    return EXIT_FAILURE;
}

int show(millrace::Admin& admin, const std::string& topic) {
    const auto cluster = admin.describe_cluster();
    if (!cluster) return fail(cluster.error());
    std::printf(
            "cluster %s, storage by %s\n", cluster->id.to_string().c_str(), cluster->io.c_str());
    const auto offsets = admin.topic_offsets(topic);
    if (!offsets) return fail(offsets.error());
    for (const auto& partition : *offsets) {
        std::printf("%s-%u holds offsets %lld to %lld\n",
                    topic.c_str(),
                    partition.partition,
                    static_cast<long long>(partition.start_offset),
                    static_cast<long long>(partition.end_offset));
    }
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: topics SERVER TOPIC PARTITIONS\n");
        return 2;
    }
    const std::string topic = argv[2];
    millrace::ClientOptions options;
    options.addresses = argv[1];
    const auto client = millrace::Client::connect(options);
    if (!client) return fail(client.error());
    auto admin = millrace::Admin::open(*client);
    if (!admin) return fail(admin.error());

    millrace::NewTopic wanted;
    wanted.name = topic;
    wanted.partitions = static_cast<std::uint32_t>(std::strtoul(argv[3], nullptr, 10));
    const auto made = admin->create_topic(wanted);
    if (!made && made.error().code != millrace::ErrorCode::topic_exists) return fail(made.error());
    std::printf("%s %s\n", topic.c_str(), made ? "was made" : "was there");
    return show(*admin, topic);
}
