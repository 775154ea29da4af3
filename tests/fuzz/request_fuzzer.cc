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
    seal_frame(input, 0);
}

// The samples of one API, in their order.
template <std::size_t Index>
std::vector<Input> seeds() {
    const engine::PartitionKey key{.topic = {{1, 2, 3}}, .partition = 2};
    const auto frame = testing::samples(key).at(Index).frame;
    const auto* data = reinterpret_cast<const std::byte*>(frame.memory->data());
    Input input(wire::kFrameHeaderBytes);
    auto header = frame.header;
    header.correlation_id = 1;
    put_header(input, header);
    input.insert(input.end(), data, data + frame.table_bytes + frame.payload_bytes);
    return {input};
}

template <class T, std::size_t Index>
Fuzzer fuzzer() {
    const auto sample = testing::samples({}).at(Index).name;
    return {.name = "request-" + sample, .run = run<T>, .seeds = seeds<Index>, .seal = seal};
}

const Registration registration({fuzzer<wire::DescribeClusterRequest, 0>(),
                                 fuzzer<wire::MetadataRequest, 1>(),
                                 fuzzer<wire::DescribeConfigsRequest, 2>(),
                                 fuzzer<wire::AlterConfigsRequest, 3>(),
                                 fuzzer<wire::CreateTopicsRequest, 4>(),
                                 fuzzer<wire::DeleteTopicsRequest, 5>(),
                                 fuzzer<wire::CreatePartitionsRequest, 6>(),
                                 fuzzer<wire::ProduceRequest, 7>(),
                                 fuzzer<wire::FetchRequest, 8>(),
                                 fuzzer<wire::ListOffsetsRequest, 9>(),
                                 fuzzer<wire::OffsetForLeaderEpochRequest, 10>()});

}  // namespace

}  // namespace millrace::fuzz
