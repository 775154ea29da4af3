// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Sends every vector as one batch, through the producer that users have.
//
// usage: vector_producer ADDRESS TOPIC CODEC VECTORS TIMES plain|idempotent
#include "millrace/client.h"
#include "millrace/producer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace {

using nlohmann::json;

[[noreturn]] void fail(const millrace::Error& error) {
    fmt::print(stderr, "vector_producer: {}\n", error.message);
    std::exit(EXIT_FAILURE);
}

std::optional<std::string> bytes_of(const json& hex) {
    if (hex.is_null()) return std::nullopt;
    const auto& text = hex.get_ref<const std::string&>();
    std::string bytes(text.size() / 2, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        unsigned byte = 0;
        std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, byte, 16);
        bytes[i] = static_cast<char>(byte);
    }
    return bytes;
}

void send(millrace::Producer& producer, const std::string& topic, const json& row) {
    const auto key = bytes_of(row["key"]);
    const auto value = bytes_of(row["value"]);
    std::vector<std::optional<std::string>> header_values;
    for (const auto& header : row["headers"])
        header_values.push_back(bytes_of(header[1]));
    millrace::Record record;
    record.topic = topic;
    record.partition = 0;
    record.timestamp_ms = row["timestamp"].get<std::int64_t>();
    record.key = key;
    record.value = value;
    for (std::size_t i = 0; i < header_values.size(); ++i) {
        record.headers.push_back(
                {row["headers"][i][0].get_ref<const std::string&>(), header_values[i]});
    }
    const auto told = [](const millrace::Result<millrace::Ack>& ack) {
        if (!ack) fail(ack.error());
    };
    if (const auto sent = producer.send(record, told); !sent) fail(sent.error());
}

millrace::Compression codec_of(std::string_view name) {
    constexpr std::array<std::string_view, 5> kNames{"none", "gzip", "snappy", "lz4", "zstd"};
    const auto* const found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end()) fail({millrace::ErrorCode::invalid_argument, "no such codec"});
    return static_cast<millrace::Compression>(found - kNames.begin());
}

}  // namespace

int main(int count, char** words) {
    if (count != 7) fail({millrace::ErrorCode::invalid_argument, "six words are needed"});
    const std::string topic = words[2];
    millrace::ClientOptions where;
    where.addresses = words[1];
    auto client = millrace::Client::connect(where);
    if (!client) fail(client.error());
    millrace::ProducerOptions options;
    options.compression = codec_of(words[3]);
    options.idempotent = std::string_view(words[6]) == "idempotent";
    options.batch_bytes = 1U << 20;
    options.linger = std::chrono::minutes(1);  // A batch ends with its flush alone.
    auto producer = millrace::Producer::open(*client, options);
    if (!producer) fail(producer.error());
    const auto vectors = json::parse(std::ifstream(words[4]));
    for (int left = std::atoi(words[5]); left > 0; --left) {
        for (const auto& vector : vectors) {
            for (const auto& row : vector["records"])
                send(*producer, topic, row);
            if (const auto flushed = producer->flush(std::chrono::minutes(1)); !flushed) {
                fail(flushed.error());
            }
        }
    }
    return EXIT_SUCCESS;
}
