// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "codec/producers.h"

#include "codec/table.h"
#include "schemas/init_producer_generated.h"

namespace millrace::detail {

EncodedRequest encode_init_producer(std::chrono::milliseconds timeout) {
    flatbuffers::FlatBufferBuilder builder(64);
    builder.Finish(
            wire::CreateInitProducerRequest(builder, static_cast<std::uint32_t>(timeout.count())));
    return finish_request(builder, wire::Api::init_producer);
}

Result<std::int64_t> decode_init_producer(const Response& response) {
    const auto opened = open_response<wire::InitProducerResponse>(response);
    if (!opened) return opened.error();
    if ((*opened)->producer_id() < 0 || (*opened)->producer_epoch() != 0) {
        return malformed_response("an impossible producer id");
    }
    return (*opened)->producer_id();
}

}  // namespace millrace::detail
