// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A frame that says it is a request of one API: verified, then checked, as before every handler.
// Where the bytes lie must not change the answer, and what was taken can be read to its end.
#include "broker/net/frame_decoder.h"
#include "broker/protocol/batch_walk.h"
#include "broker/protocol/request_checks.h"
#include "broker/protocol/verified.h"
#include "engine/assert.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/hostile/tables.h"

namespace millrace::fuzz {

namespace {

constexpr std::uint32_t kFrameBytesMax = 1U << 20;

template <class T>
bool accepted(engine::Bytes bytes) {
    const auto decoded = broker::decode_frame(bytes, kFrameBytesMax);
    if (decoded.status != broker::DecodeStatus::whole) return false;
    const broker::IncomingFrame frame{.header = decoded.header,
                                      .table = decoded.table,
                                      .payload = decoded.payload,
                                      .buffer = {}};
    const auto verified = broker::verify<T>(frame);
    if (!verified) ASSERT(verified.error().code != wire::ErrorCode::none);
    if constexpr (std::is_same_v<T, wire::ProduceRequest>) {
        if (verified && (*verified)->partitions() != nullptr) {
            auto rest = frame.payload;
            for (const auto* row : *(*verified)->partitions()) {
                const auto part = rest.first(row->payload_bytes());
                ASSERT(broker::largest_batch_bytes(part) <= part.size());
                rest = rest.subspan(part.size());
            }
        }
    }
    return verified.has_value();
}

template <class T>
void run(engine::Bytes input) {
    const AlignedCopy first(input);
    const AlignedCopy second(input);
    ASSERT(accepted<T>(first.bytes()) == accepted<T>(second.bytes()));
}

void seal(Input& input) {
    constexpr std::size_t kFlagsAt = offsetof(wire::FrameHeader, flags);
    const auto flags = input.size() > kFlagsAt ? input[kFlagsAt] : std::byte{};
    seal_frame(input, std::to_integer<std::uint8_t>(flags) & wire::kFlagOneWay);
}

const engine::PartitionKey kKey{.topic = {{1, 2, 3}}, .partition = 2};

Input input_of(const testing::RequestFrame& frame) {
    const auto* data = reinterpret_cast<const std::byte*>(frame.memory->data());
    Input input(wire::kFrameHeaderBytes);
    auto header = frame.header;
    header.correlation_id = 1;
    put_header(input, header);
    input.insert(input.end(), data, data + frame.table_bytes + frame.payload_bytes);
    return input;
}

// More than the samples: several rows, and what is named twice.
std::vector<testing::RequestFrame> larger_requests(wire::Api api) {
    const std::vector<std::byte> batch = testing::batch_of({"a record"});
    std::vector<testing::Wanted> wanted;
    for (std::uint32_t partition = 0; partition < 20; ++partition)
        wanted.push_back({.key = {.topic = kKey.topic, .partition = partition}});
    const std::vector<std::string> keys(20, "retention.ms");
    const std::string long_name(2000, 'n');
    switch (api) {
        case wire::Api::metadata:
            return {testing::metadata_request({"twice", "twice"}), testing::metadata_request({})};
        case wire::Api::describe_configs:
            return {testing::describe_topic_configs_request(long_name, keys)};
        case wire::Api::alter_configs:
            return {testing::alter_topic_request("victim", {{"a", "1"}, {"a", "-"}})};
        case wire::Api::create_topics:
            return {testing::create_topic_request(long_name, 1, {{"a", long_name}, {"b", ""}})};
        case wire::Api::produce:
            return {testing::produce_request(
                            {{kKey, batch}, {{.topic = kKey.topic, .partition = 3}, batch}}),
                    testing::produce_request({{kKey, batch}, {kKey, batch}}, {.acks = 0})};
        case wire::Api::fetch:
            return {testing::fetch_request(wanted),
                    testing::fetch_request({{kKey}, {kKey}}, {.forgotten = {kKey}})};
        default:
            return {};
    }
}

// Of the API whose sample has that place among them.
template <std::size_t Index>
std::vector<Input> seeds() {
    const auto sample = testing::samples(kKey).at(Index).frame;
    std::vector<Input> all{input_of(sample)};
    for (const auto& frame : larger_requests(static_cast<wire::Api>(sample.header.api)))
        all.push_back(input_of(frame));
    return all;
}

template <class T, std::size_t Index>
Fuzzer fuzzer() {
    const auto sample = testing::samples({}).at(Index).name;
    return {.name = "request-" + sample, .run = run<T>, .seeds = seeds<Index>, .seal = seal};
}

const Registration kRegistration({fuzzer<wire::DescribeClusterRequest, 0>(),
                                  fuzzer<wire::MetadataRequest, 1>(),
                                  fuzzer<wire::DescribeConfigsRequest, 2>(),
                                  fuzzer<wire::AlterConfigsRequest, 3>(),
                                  fuzzer<wire::CreateTopicsRequest, 4>(),
                                  fuzzer<wire::DeleteTopicsRequest, 5>(),
                                  fuzzer<wire::CreatePartitionsRequest, 6>(),
                                  fuzzer<wire::ProduceRequest, 7>(),
                                  fuzzer<wire::FetchRequest, 8>(),
                                  fuzzer<wire::ListOffsetsRequest, 9>(),
                                  fuzzer<wire::OffsetForLeaderEpochRequest, 10>(),
                                  fuzzer<wire::InitProducerRequest, 11>(),
                                  fuzzer<wire::DeleteRecordsRequest, 12>(),
                                  fuzzer<wire::AppendAtomicRequest, 13>(),
                                  fuzzer<wire::CompactRecordsRequest, 14>(),
                                  fuzzer<wire::VerifyRecordsRequest, 15>(),
                                  fuzzer<wire::RestoreTopicRequest, 16>()});

}  // namespace

}  // namespace millrace::fuzz
