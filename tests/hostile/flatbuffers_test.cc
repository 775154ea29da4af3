// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Tables whose structure is wrong: offsets, vtables, lengths, alignment, amplification.
#include "tests/hostile/hostile_fixture.h"
#include "tests/hostile/tables.h"

#include <gmock/gmock.h>

namespace millrace::testing {
namespace {

using ::testing::HasSubstr;
using wire::Api;
using wire::ErrorCode;
using Builder = flatbuffers::FlatBufferBuilder;

constexpr auto kMalformed = ErrorCode::malformed_request;

// N rows that are all one and the same table.
template <class T>
flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<T>>> repeated(
        Builder& builder, flatbuffers::Offset<T> row, std::size_t count) {
    return builder.CreateVector(std::vector<flatbuffers::Offset<T>>(count, row));
}

TEST_F(Hostile, FlatBuffers_21_EmptyBuffer) {
    for (const auto& [name, frame] : samples(victim())) {
        SCOPED_TRACE(name);
        const auto api = static_cast<Api>(frame.header.api);
        expect_refused(with_table(api, {}), kMalformed);
        expect_refused(with_table(api, std::vector<std::byte>(8)), kMalformed);
    }
}

TEST_F(Hostile, FlatBuffers_22_RootOffset) {
    for (const auto& [name, frame] : samples(victim())) {
        SCOPED_TRACE(name);
        const auto size = static_cast<std::uint32_t>(frame.table_bytes);
        // To itself, odd, into its own bytes, behind the end, around it.
        for (const std::uint32_t offset : {0U,
                                           1U,
                                           2U,
                                           7U,
                                           size - 1,
                                           size,
                                           size + 4,
                                           0x7FFF'FFFCU,
                                           0x8000'0000U,
                                           0xFFFF'FFFCU,
                                           0xFFFF'FFFFU}) {
            SCOPED_TRACE(offset);
            auto spoiled = copy_of(frame);
            poke(spoiled, 0, offset);
            expect_refused(spoiled, kMalformed);
        }
    }
}

TEST_F(Hostile, FlatBuffers_23_Vtable) {
    for (const auto& [name, frame] : samples(victim())) {
        SCOPED_TRACE(name);
        auto good = copy_of(frame);
        const auto root = root_at(good);
        const auto at = static_cast<std::int32_t>(root);
        const auto size = static_cast<std::int32_t>(frame.table_bytes);
        // In front of the buffer, behind it, at an odd place.
        for (const std::int32_t back : {at + 2,
                                        at + 1000,
                                        at - size,
                                        at - size - 2,
                                        1,
                                        3,
                                        std::numeric_limits<std::int32_t>::max(),
                                        std::numeric_limits<std::int32_t>::min()}) {
            SCOPED_TRACE(back);
            auto spoiled = copy_of(frame);
            poke(spoiled, root, back);
            expect_refused(spoiled, kMalformed);
        }
        const auto vtable = vtable_at(good, root);
        for (const std::uint16_t bytes :
             {std::uint16_t{5}, std::uint16_t{7}, std::uint16_t{0xFFFE}, std::uint16_t{0xFFFF}}) {
            SCOPED_TRACE(bytes);
            auto spoiled = copy_of(frame);
            poke(spoiled, vtable, bytes);
            expect_refused(spoiled, kMalformed);
        }
    }
    // Overlapping: any place of a produce request is read as its vtable, its own table and rows
    // among them. Whatever that says, it is never that record.
    const auto request = produce_request({{victim(), batch_of({"a record"})}});
    auto good = copy_of(request);
    const auto root = root_at(good);
    auto client = connect();
    for (std::size_t vtable = 0; vtable + 2 <= request.table_bytes; vtable += 2) {
        if (vtable == vtable_at(good, root)) continue;
        auto spoiled = copy_of(request);
        poke(spoiled, root, static_cast<std::int32_t>(root) - static_cast<std::int32_t>(vtable));
        EXPECT_EQ(error_of(client.ask(spoiled)), "malformed_request") << vtable;
    }
}

// What costs a plain verifier 15 seconds of a core for one frame costs nothing that can be seen.
TEST_F(Hostile, FlatBuffers_24_SharedTableAmplification) {
    constexpr std::size_t kOffsets = 100'000;  // 400 kB of them.
    std::vector<RequestFrame> bombs;
    bombs.push_back(request_of(Api::metadata, [](Builder& builder) {
        const auto row = wire::CreateTopicQueryDirect(builder, nullptr, "victim");
        return wire::CreateMetadataRequest(builder, repeated(builder, row, kOffsets));
    }));
    for (const std::size_t rows : {std::size_t{250}, std::size_t{60'000}}) {
        bombs.push_back(request_of(Api::describe_configs, [&](Builder& builder) {
            const auto key = builder.CreateString("segment.bytes");
            const auto keys =
                    builder.CreateVector(std::vector<flatbuffers::Offset<flatbuffers::String>>(
                            std::size_t{120'000}, key));
            const auto row =
                    wire::CreateConfigResource(builder, wire::ResourceKind::topic, 0, keys);
            return wire::CreateDescribeConfigsRequest(builder, repeated(builder, row, rows));
        }));
    }
    // Few tables, but what they name together is 400 MB of text.
    const auto text_bomb = bombs.size();
    bombs.push_back(request_of(Api::create_topics, [](Builder& builder) {
        const auto long_text = builder.CreateString(std::string(900'000, 'x'));
        const auto entry = wire::CreateKeyValue(builder, long_text, long_text);
        const auto config = repeated(builder, entry, 220);
        const auto name = builder.CreateString("new");
        return wire::CreateCreateTopicsRequest(
                builder, repeated(builder, wire::CreateNewTopic(builder, name, 1, config), 1));
    }));
    bombs.push_back(request_of(Api::alter_configs, [](Builder& builder) {
        const auto key = builder.CreateString("segment.bytes");
        const auto value = builder.CreateString(std::string(400'000, '1'));
        const auto change = wire::CreateConfigChange(builder, key, wire::AlterKind::set, value);
        const auto changes = repeated(builder, change, 60'000);
        const auto name = builder.CreateString("victim");
        const auto row =
                wire::CreateAlteredResource(builder, wire::ResourceKind::topic, name, changes);
        return wire::CreateAlterConfigsRequest(builder, repeated(builder, row, 60'000));
    }));
    const auto before = processor_time();
    for (std::size_t bomb = 0; bomb < bombs.size(); ++bomb) {
        SCOPED_TRACE(bomb);
        for (int time = 0; time < 4; ++time)
            expect_refused(bombs[bomb], kMalformed);
        // By the limits of the structure, not by what its rows would say.
        const auto message = connect().ask(bombs[bomb]).message();
        EXPECT_THAT(message, HasSubstr(bomb == text_bomb ? "too long" : "larger or deeper"));
    }
    EXPECT_LT(processor_time() - before, std::chrono::milliseconds(500));
}

template <class Vector>
void spoil_count(std::vector<RequestFrame>& spoiled, RequestFrame& frame, const Vector* vector) {
    const auto* count = reinterpret_cast<const std::byte*>(vector);
    // Times 4, 8, 24 or 32 bytes some of these are small again in 32 bits.
    for (const std::uint32_t value : {0xFFFF'FFFFU,
                                      0x8000'0000U,
                                      0x7FFF'FFFFU,
                                      0x4000'0000U,
                                      0x4000'0001U,
                                      0x2000'0001U,
                                      0x0AAA'AAABU,
                                      0x0800'0001U}) {
        auto copy = copy_of(frame);
        poke(copy, position_of(frame, count), value);
        spoiled.push_back(copy);
    }
}

TEST_F(Hostile, FlatBuffers_26_VectorLengthOverflow) {
    std::vector<RequestFrame> spoiled;
    auto produce = produce_request({{victim(), batch_of({"a record"})}});
    spoil_count(spoiled, produce, root_of<wire::ProduceRequest>(produce).partitions());
    auto fetch = fetch_request({{victim()}}, {.wait_max_ms = 0});
    spoil_count(spoiled, fetch, root_of<wire::FetchRequest>(fetch).partitions());
    auto list = list_offsets_request(victim(), -1);
    spoil_count(spoiled, list, root_of<wire::ListOffsetsRequest>(list).partitions());
    auto metadata = metadata_request({"victim"});
    spoil_count(spoiled, metadata, root_of<wire::MetadataRequest>(metadata).topics());
    spoil_count(
            spoiled, metadata, root_of<wire::MetadataRequest>(metadata).topics()->Get(0)->name());
    auto describe = describe_topic_configs_request("victim", {"segment.bytes"});
    const auto& resources = *root_of<wire::DescribeConfigsRequest>(describe).resources();
    spoil_count(spoiled, describe, resources.Get(0)->keys());
    spoil_count(spoiled, describe, resources.Get(0)->keys()->Get(0));
    auto create = create_topic_request("new", 1, {{"segment.bytes", "1MiB"}});
    const auto& topics = *root_of<wire::CreateTopicsRequest>(create).topics();
    spoil_count(spoiled, create, &topics);
    spoil_count(spoiled, create, topics.Get(0)->config());
    for (std::size_t number = 0; number < spoiled.size(); ++number) {
        SCOPED_TRACE(number);
        expect_refused(spoiled[number], kMalformed);
    }
    // More rows than there may be, all of them there.
    const std::vector<Wanted> many(16'385, Wanted{victim()});
    expect_refused(fetch_request(many), kMalformed);
}

TEST_F(Hostile, FlatBuffers_27_StringWithoutItsTerminator) {
    auto create = create_topic_request("new", 1, {{"segment.bytes", "1MiB"}});
    const auto& topic = *root_of<wire::CreateTopicsRequest>(create).topics()->Get(0);
    const auto& entry = *topic.config()->Get(0);
    for (const auto* text : {topic.name(), entry.key(), entry.value()}) {
        auto spoiled = copy_of(create);
        const auto end = position_of(create, text->c_str() + text->size());
        ASSERT_EQ(peek<char>(spoiled, end), '\0');
        poke(spoiled, end, 'x');
        expect_refused(spoiled, kMalformed);
        // Up to the table's last byte, so that none is left for the terminator.
        auto longest = copy_of(create);
        const auto begin = position_of(create, text->c_str());
        poke(longest, begin - 4, static_cast<std::uint32_t>(create.table_bytes - begin));
        expect_refused(longest, kMalformed);
    }
    auto metadata = metadata_request({"victim"});
    const auto* name = root_of<wire::MetadataRequest>(metadata).topics()->Get(0)->name();
    poke(metadata, position_of(metadata, name->c_str() + name->size()), 'x');
    expect_refused(metadata, kMalformed);
}

TEST_F(Hostile, FlatBuffers_29_MisalignedScalars) {
    // A field of four bytes at each place that is no multiple of four.
    struct Field {
        std::string name;
        RequestFrame frame;
        flatbuffers::voffset_t field;
    };

    for (const auto& [name, frame, field] :
         {Field{"produce.timeout_ms",
                produce_request({{victim(), batch_of({"x"})}}, {.timeout_ms = 1000}),
                wire::ProduceRequest::VT_TIMEOUT_MS},
          Field{"fetch.wait_max_ms",
                fetch_request({{victim()}}, {.wait_max_ms = 1}),
                wire::FetchRequest::VT_WAIT_MAX_MS},
          Field{"list_offsets.partitions",
                list_offsets_request(victim(), -1),
                wire::ListOffsetsRequest::VT_PARTITIONS}}) {
        SCOPED_TRACE(name);
        auto good = copy_of(frame);
        const auto slot = vtable_at(good, root_at(good)) + field;
        const auto place = peek<std::uint16_t>(good, slot);
        ASSERT_NE(place, 0);
        for (std::uint16_t shift = 1; shift < 4; ++shift) {
            auto spoiled = copy_of(frame);
            poke(spoiled, slot, static_cast<std::uint16_t>(place - shift));
            expect_refused(spoiled, kMalformed);
        }
    }
    // Rows of 8-byte fields that begin in the middle of eight bytes.
    auto shifted = with_longer_table(produce_request({{victim(), batch_of({"x"})}}), 8);
    const auto vector = position_of(shifted, root_of<wire::ProduceRequest>(shifted).partitions());
    const auto root = root_at(shifted);
    const auto offset_at =
            root + peek<std::uint16_t>(
                           shifted, vtable_at(shifted, root) + wire::ProduceRequest::VT_PARTITIONS);
    std::memmove(table_of(shifted) + vector + 4,
                 table_of(shifted) + vector,
                 4 + sizeof(wire::ProducePartition));
    poke(shifted, offset_at, static_cast<std::uint32_t>(vector + 4 - offset_at));
    expect_refused(shifted, kMalformed);
    // An id inside a table, the same.
    auto query = request_of(Api::metadata, [](Builder& builder) {
        const wire::Uuid id(1, 2);
        const auto row = wire::CreateTopicQuery(builder, &id);
        return wire::CreateMetadataRequest(builder, repeated(builder, row, 1));
    });
    const auto* row = root_of<wire::MetadataRequest>(query).topics()->Get(0);
    const auto slot = vtable_at(query, position_of(query, row)) + wire::TopicQuery::VT_ID;
    poke(query, slot, static_cast<std::uint16_t>(peek<std::uint16_t>(query, slot) + 4));
    expect_refused(query, kMalformed);
}

}  // namespace
}  // namespace millrace::testing
