// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/protocol/verified.h"

#include "broker/protocol/request_checks.h"
#include "schemas/wire/frame.h"

namespace millrace::broker {
namespace {

flatbuffers::Verifier make_verifier(engine::Bytes bytes) {
    flatbuffers::Verifier::Options options;
    options.max_depth = kTableDepthMax;
    options.max_tables = kTablesMax;
    options.check_nested_flatbuffers = false;
    return flatbuffers::Verifier(
            reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), options);
}

// The work of verifying a table is bounded by the number of tables and of strings in vectors; a
// vector of structs costs the same at any length. This counts the strings before the verifier
// walks them, with the verifier's own bounds checks. Only describe_configs has such vectors.
template <class T>
bool strings_within_budget(engine::Bytes) {
    return true;
}

using StringVector = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>;
using TableVector = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::Table>>;

template <>
bool strings_within_budget<wire::DescribeConfigsRequest>(engine::Bytes bytes) {
    auto verifier = make_verifier(bytes);
    const auto root_offset = verifier.VerifyOffset(std::size_t{0});
    if (root_offset == 0) return false;
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    const auto* root = reinterpret_cast<const flatbuffers::Table*>(data + root_offset);
    if (!root->VerifyTableStart(verifier)) return false;
    const auto resources_field = wire::DescribeConfigsRequest::VT_RESOURCES;
    if (!root->VerifyOffset(verifier, resources_field)) return false;
    const auto* resources = root->GetPointer<const TableVector*>(resources_field);
    if (resources == nullptr) return true;
    if (!verifier.VerifyVector(resources)) return false;

    std::uint64_t strings = 0;
    for (const auto* resource : *resources) {
        if (!resource->VerifyTableStart(verifier)) return false;
        const auto keys_field = wire::ConfigResource::VT_KEYS;
        if (!resource->VerifyOffset(verifier, keys_field)) return false;
        const auto* keys = resource->GetPointer<const StringVector*>(keys_field);
        if (keys != nullptr && !verifier.VerifyVector(keys)) return false;
        strings += keys == nullptr ? 0 : keys->size();
        if (strings > kApparentStringsMax) return false;
        verifier.EndTable();
    }
    return true;
}

}  // namespace

template <class T>
bool verify_structure(engine::Bytes bytes) {
    if (bytes.size() > wire::kTableBytesMax) return false;
    // The verifier checks alignment within the table only.
    if (reinterpret_cast<std::uintptr_t>(bytes.data()) % wire::kFrameAlignment != 0) return false;
    if (!strings_within_budget<T>(bytes)) return false;
    return make_verifier(bytes).template VerifyBuffer<T>();
}

template <class T>
Checked<Verified<T>> verify(const IncomingFrame& frame) {
    if (!verify_structure<T>(frame.table)) {
        return refuse(wire::ErrorCode::malformed_request,
                      "The request's table is damaged, or larger or deeper than a request may be.");
    }
    const auto* table = flatbuffers::GetRoot<T>(frame.table.data());
    if (auto checked = check(*table, frame.payload); !checked) {
        return std::unexpected(std::move(checked.error()));
    }
    return Verified<T>(table);
}

#define MILLRACE_VERIFIED(T)                          \
    template bool verify_structure<T>(engine::Bytes); \
    template Checked<Verified<T>> verify<T>(const IncomingFrame&)

MILLRACE_VERIFIED(wire::DescribeClusterRequest);
MILLRACE_VERIFIED(wire::MetadataRequest);
MILLRACE_VERIFIED(wire::DescribeConfigsRequest);
MILLRACE_VERIFIED(wire::AlterConfigsRequest);
MILLRACE_VERIFIED(wire::CreateTopicsRequest);
MILLRACE_VERIFIED(wire::DeleteTopicsRequest);
MILLRACE_VERIFIED(wire::CreatePartitionsRequest);
MILLRACE_VERIFIED(wire::DeleteRecordsRequest);
MILLRACE_VERIFIED(wire::CompactRecordsRequest);
MILLRACE_VERIFIED(wire::VerifyRecordsRequest);
MILLRACE_VERIFIED(wire::RestoreTopicRequest);
MILLRACE_VERIFIED(wire::ProduceRequest);
MILLRACE_VERIFIED(wire::AppendAtomicRequest);
MILLRACE_VERIFIED(wire::FetchRequest);
MILLRACE_VERIFIED(wire::ListOffsetsRequest);
MILLRACE_VERIFIED(wire::OffsetForLeaderEpochRequest);
MILLRACE_VERIFIED(wire::InitProducerRequest);

#undef MILLRACE_VERIFIED

}  // namespace millrace::broker
