// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Tables of good structure whose contents are wrong: missing fields, enums, names, too much; and
// those of a later schema, which are right.
#include "broker/protocol/uuid.h"
#include "tests/hostile/hostile_fixture.h"
#include "tests/hostile/tables.h"

namespace millrace::testing {
namespace {

using namespace std::string_literals;
using wire::Api;
using wire::ErrorCode;
using Builder = flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using flatbuffers::String;

constexpr auto kMalformed = ErrorCode::malformed_request;

// A request that is one vector of one row, whose fields `fill` sets.
template <class Root, class Row, class Fill>
RequestFrame request_of_one_row(Api api, flatbuffers::voffset_t rows_field, Fill&& fill) {
    return request_of(api, [&](Builder& builder) {
        const auto text = builder.CreateString("segment.bytes");
        const auto start = builder.StartTable();
        fill(builder, text);
        const Offset<Row> row(builder.EndTable(start));
        const auto rows = builder.CreateVector(std::vector{row});
        const auto root = builder.StartTable();
        builder.AddOffset(rows_field, rows);
        return Offset<Root>(builder.EndTable(root));
    });
}

TEST_F(Hostile, FlatBuffers_30_MissingRequiredField) {
    const auto nothing = [](Builder&, Offset<String>) {};
    expect_refused(request_of_one_row<wire::CreateTopicsRequest, wire::NewTopic>(
                           Api::create_topics, wire::CreateTopicsRequest::VT_TOPICS, nothing),
                   kMalformed);
    expect_refused(
            request_of_one_row<wire::CreatePartitionsRequest, wire::PartitionGrowth>(
                    Api::create_partitions, wire::CreatePartitionsRequest::VT_TOPICS, nothing),
            kMalformed);
    // Inside a row: a setting and a change without a key.
    expect_refused(request_of(Api::create_topics,
                              [](Builder& builder) {
                                  const auto name = builder.CreateString("new");
                                  const auto value = builder.CreateString("1MiB");
                                  const auto start = builder.StartTable();
                                  builder.AddOffset(wire::KeyValue::VT_VALUE, value);
                                  const Offset<wire::KeyValue> entry(builder.EndTable(start));
                                  const auto config = builder.CreateVector(std::vector{entry});
                                  const auto topic = wire::CreateNewTopic(builder, name, 1, config);
                                  return wire::CreateCreateTopicsRequest(
                                          builder, builder.CreateVector(std::vector{topic}));
                              }),
                   kMalformed);
    expect_refused(request_of(Api::alter_configs,
                              [](Builder& builder) {
                                  const auto name = builder.CreateString("victim");
                                  const auto value = builder.CreateString("1MiB");
                                  const auto start = builder.StartTable();
                                  builder.AddOffset(wire::ConfigChange::VT_VALUE, value);
                                  const Offset<wire::ConfigChange> change(builder.EndTable(start));
                                  const auto changes = builder.CreateVector(std::vector{change});
                                  const auto row = wire::CreateAlteredResource(
                                          builder, wire::ResourceKind::topic, name, changes);
                                  return wire::CreateAlterConfigsRequest(
                                          builder, builder.CreateVector(std::vector{row}));
                              }),
                   kMalformed);
}

TEST_F(Hostile, FlatBuffers_31_EnumOutOfRange) {
    const std::vector<Batches> record{{victim(), batch_of({"x"})}};
    for (const auto durability : std::vector<std::uint8_t>{4, 5, 128, 255}) {
        SCOPED_TRACE(unsigned{durability});
        expect_refused(produce_request(record, {.durability = wire::AckDurability{durability}}),
                       kMalformed);
    }
    for (const auto acks : std::vector<std::int8_t>{2, 3, 127, -2, -128}) {
        SCOPED_TRACE(int{acks});
        expect_refused(produce_request(record, {.acks = acks}), ErrorCode::invalid_acks);
    }
    for (const auto kind : std::vector<std::uint8_t>{2, 3, 255}) {
        SCOPED_TRACE(unsigned{kind});
        expect_refused(request_of(Api::describe_configs,
                                  [&](Builder& builder) {
                                      const std::vector rows{wire::CreateConfigResourceDirect(
                                              builder, wire::ResourceKind{kind}, "victim")};
                                      return wire::CreateDescribeConfigsRequestDirect(builder,
                                                                                      &rows);
                                  }),
                       kMalformed);
        const auto alter = [](wire::ResourceKind resource, wire::AlterKind change_kind) {
            return request_of(Api::alter_configs, [&](Builder& builder) {
                const std::vector changes{wire::CreateConfigChangeDirect(
                        builder, "segment.bytes", change_kind, "1048576")};
                const std::vector rows{
                        wire::CreateAlteredResourceDirect(builder, resource, "victim", &changes)};
                return wire::CreateAlterConfigsRequestDirect(builder, &rows);
            });
        };
        expect_refused(alter(wire::ResourceKind{kind}, wire::AlterKind::set), kMalformed);
        expect_refused(alter(wire::ResourceKind::topic, wire::AlterKind{kind}), kMalformed);
    }
}

// One topic in a request of its own; what its row was answered with.
template <class Response>
std::string row_error(RawClient& client, const RequestFrame& frame) {
    const auto answer = client.ask(frame);
    if (answer.error() != 0) return error_of(answer);
    const auto* response = answer.as<Response>();
    if (response == nullptr || response->topics() == nullptr) return "no rows";
    const auto* row = response->topics()->Get(0);
    if (row->error() != 0) {
        EXPECT_NE(row->message(), nullptr);
    }
    return name_of(row->error());
}

// In every request that names topics.
void expect_impossible(RawClient& client,
                       const std::string& name,
                       const std::string& unknown = "unknown_topic") {
    SCOPED_TRACE(::testing::PrintToString(name));
    const auto create = request_of(Api::create_topics, [&](Builder& builder) {
        const auto text = builder.CreateString(name);
        return wire::CreateCreateTopicsRequest(
                builder, builder.CreateVector(std::vector{wire::CreateNewTopic(builder, text, 1)}));
    });
    EXPECT_EQ(row_error<wire::CreateTopicsResponse>(client, create), "invalid_topic_name");
    const auto metadata = request_of(Api::metadata, [&](Builder& builder) {
        const auto text = builder.CreateString(name);
        return wire::CreateMetadataRequest(
                builder,
                builder.CreateVector(std::vector{wire::CreateTopicQuery(builder, nullptr, text)}));
    });
    EXPECT_EQ(row_error<wire::MetadataResponse>(client, metadata), "invalid_topic_name");
    const auto grow = request_of(Api::create_partitions, [&](Builder& builder) {
        const auto text = builder.CreateString(name);
        return wire::CreateCreatePartitionsRequest(
                builder,
                builder.CreateVector(std::vector{wire::CreatePartitionGrowth(builder, text, 9)}));
    });
    EXPECT_EQ(row_error<wire::CreatePartitionsResponse>(client, grow), unknown);
    const auto remove = request_of(Api::delete_topics, [&](Builder& builder) {
        const auto text = builder.CreateString(name);
        return wire::CreateDeleteTopicsRequest(
                builder,
                builder.CreateVector(
                        std::vector{wire::CreateTopicSelection(builder, nullptr, text)}));
    });
    EXPECT_EQ(row_error<wire::DeleteTopicsResponse>(client, remove), unknown);
}

TEST_F(Hostile, FlatBuffers_32_HostileNames) {
    auto client = connect();
    for (const auto& name : {
                 "vic\0tim"s,
                 "victim\0"s,
                 "\0"s,
                 "\xff\xfe"s,          // No UTF-8.
                 "vict\x80im"s,        // The middle of a character.
                 "victim\xc3"s,        // Half of one.
                 "vict\xc1\xa9m"s,     // An i in two bytes,
                 "\xc0\xae\xc0\xae"s,  // two dots in four,
                 "\xe0\x80\xaf"s,      // a slash in three.
                 "\xed\xa0\x80"s,      // Half of a pair.
                 "\xf4\x90\x80\x80"s,  // Beyond the last character.
                 "\u202emitciv"s,      // From right to left.
                 "\u200bvictim"s,      // A space of no width.
                 "v\u0456ctim"s,       // The Cyrillic i.
                 "\uff56\uff49ctim"s,  // Wide letters.
                 "\ufeffvictim"s,
         }) {
        expect_impossible(client, name);
    }
    const auto create = request_of(Api::create_topics, [](Builder& builder) {
        const auto name = builder.CreateString("new");
        const auto key = builder.CreateString("segment.bytes\0x"s);
        const auto entry = wire::CreateKeyValue(builder, key, builder.CreateString("1MiB"));
        const auto config = builder.CreateVector(std::vector{entry});
        return wire::CreateCreateTopicsRequest(
                builder,
                builder.CreateVector(std::vector{wire::CreateNewTopic(builder, name, 1, config)}));
    });
    EXPECT_EQ(row_error<wire::CreateTopicsResponse>(client, create), "invalid_config");
    for (const auto& value : {"1048576\0"s, "\xff"s, "\u0661"s, "\uff11"s}) {
        SCOPED_TRACE(::testing::PrintToString(value));
        const auto frame = request_of(Api::create_topics, [&](Builder& builder) {
            const auto name = builder.CreateString("new");
            const auto key = builder.CreateString("segment.bytes");
            const auto entry = wire::CreateKeyValue(builder, key, builder.CreateString(value));
            const auto config = builder.CreateVector(std::vector{entry});
            const auto topic = wire::CreateNewTopic(builder, name, 1, config);
            return wire::CreateCreateTopicsRequest(builder,
                                                   builder.CreateVector(std::vector{topic}));
        });
        EXPECT_EQ(row_error<wire::CreateTopicsResponse>(client, frame), "invalid_config");
    }
}

TEST_F(Hostile, FlatBuffers_33_TopicNames) {
    auto client = connect();
    // Beside the data directory as well as inside it.
    const auto entries = [] {
        const std::filesystem::recursive_directory_iterator all(data().parent_path());
        return std::distance(begin(all), end(all));
    };
    const auto before = entries();
    for (const auto& name : {""s,
                             "."s,
                             ".."s,
                             "../x"s,
                             "../../x"s,
                             "/x"s,
                             "a/b"s,
                             "a\\b"s,
                             "a b"s,
                             "a\nb"s,
                             "a\x1b[2J"s,
                             "a\x7f"s,
                             "a\tb"s,
                             "a%2fb"s,
                             "a:b"s,
                             "__millrace_metadata"s,
                             std::string(250, 'a'),
                             std::string(1'000, 'a')}) {
        expect_impossible(client, name);
    }
    // An answer that repeats this one would be too large.
    expect_impossible(client, std::string(900'000, 'a'), "request_too_large");
    EXPECT_EQ(entries(), before);
    // The longest that is possible is only asked about.
    EXPECT_EQ(row_error<wire::CreateTopicsResponse>(
                      client, create_topic_request(std::string(249, 'a'), 1, {}, true)),
              "none");
    EXPECT_EQ(row_error<wire::CreateTopicsResponse>(client, create_topic_request("victim", 1)),
              "topic_exists");
}

TEST_F(Hostile, FlatBuffers_34_TrailingGarbage) {
    for (const auto& [name, frame] : samples(victim())) {
        SCOPED_TRACE(name);
        const auto* data = reinterpret_cast<const std::byte*>(frame.memory->data());
        const engine::Bytes table(data, frame.table_bytes);
        std::vector<std::byte> payload(data + frame.table_bytes,
                                       data + frame.table_bytes + frame.payload_bytes);
        payload.resize(payload.size() + 8, std::byte{0xEE});
        expect_refused(with_table(static_cast<Api>(frame.header.api), table, payload), kMalformed);
        std::fill(payload.end() - 8, payload.end(), std::byte{0});
        expect_refused(with_table(static_cast<Api>(frame.header.api), table, payload), kMalformed);
    }
    auto padded = produce_request({{victim(), batch_of({"x"})}});
    const auto bytes = batch_of({"x"}).size();
    ASSERT_LT(bytes, padded.payload_bytes);
    poke(padded, padded.table_bytes + bytes, std::uint8_t{1});
    expect_refused(padded, kMalformed);

    auto hello = bytes_of(hello_request());
    hello.resize(hello.size() + 8);
    auto header = hello_request().header;
    header.frame_bytes += 8;
    std::ranges::copy(bytes_of(header), hello.begin());
    auto client = dial();
    client.write(hello);
    const auto answer = client.read();
    ASSERT_TRUE(answer);
    EXPECT_EQ(name_of(hello_response(*answer).error), "malformed_request");

    // Bytes of a table that nothing refers to cannot be told from a later schema's fields (36), so
    // they are passed over.
    auto loose = with_longer_table(metadata_request({"victim"}), 4096);
    std::fill_n(table_of(loose) + loose.table_bytes - 4096, 4096, std::byte{0xEE});
    EXPECT_EQ(error_of(connect().ask(loose)), "none");
}

// Legal. Fields that this broker does not know: a number, a text, a table, a vector.
void add_later_fields(Builder& builder, Offset<String> text, Offset<flatbuffers::Table> table) {
    builder.AddElement<std::uint64_t>(42, 0xFFFF'FFFF'FFFF'FFFFU, 0);
    builder.AddOffset(44, text);
    builder.AddOffset(46, table);
    builder.AddElement<double>(48, 0.5, 0.0);
}

template <class Root, class Add>
RequestFrame later_request(Api api, Add&& add, engine::Bytes payload = {}) {
    return request_of(
            api,
            [&](Builder& builder) {
                const auto text = builder.CreateString("of a later version");
                const auto inner = builder.StartTable();
                builder.AddOffset(4, text);
                const Offset<flatbuffers::Table> table(builder.EndTable(inner));
                const auto finish = add(builder);
                const auto start = builder.StartTable();
                add_later_fields(builder, text, table);
                finish();
                return Offset<Root>(builder.EndTable(start));
            },
            payload);
}

TEST_F(Hostile, FlatBuffers_36_FieldsOfALaterSchema) {
    auto client = connect();
    const auto topic = broker::to_wire(victim().topic);
    const auto metadata = later_request<wire::MetadataRequest>(Api::metadata, [](Builder& builder) {
        const auto name = builder.CreateString("victim");
        const auto start = builder.StartTable();
        builder.AddOffset(wire::TopicQuery::VT_NAME, name);
        builder.AddElement<std::uint32_t>(40, 9, 0);
        const Offset<wire::TopicQuery> query(builder.EndTable(start));
        const auto topics = builder.CreateVector(std::vector{query});
        return [&builder, topics] { builder.AddOffset(wire::MetadataRequest::VT_TOPICS, topics); };
    });
    EXPECT_EQ(row_error<wire::MetadataResponse>(client, metadata), "none");

    const auto batch = batch_of({"from a later client"});
    const auto produce = later_request<wire::ProduceRequest>(
            Api::produce,
            [&](Builder& builder) {
                const std::vector<wire::ProducePartition> rows{
                        {topic, 0, static_cast<std::uint32_t>(batch.size())}};
                const auto partitions = builder.CreateVectorOfStructs(rows);
                return [&builder, partitions] {
                    builder.AddOffset(wire::ProduceRequest::VT_PARTITIONS, partitions);
                };
            },
            batch);
    const auto end = end_of(victim());
    const auto produced = client.ask(produce);
    EXPECT_EQ(error_of(produced), "none") << produced.message();
    EXPECT_EQ(produced.as<wire::ProduceResponse>()->partitions()->Get(0)->base_offset(), end);
    records_expected = 1;

    const auto list =
            later_request<wire::ListOffsetsRequest>(Api::list_offsets, [&](Builder& builder) {
                const std::vector<wire::OffsetQuery> rows{{topic, 0, -1, -1}};
                const auto partitions = builder.CreateVectorOfStructs(rows);
                return [&builder, partitions] {
                    builder.AddOffset(wire::ListOffsetsRequest::VT_PARTITIONS, partitions);
                };
            });
    const auto listed = client.ask(list);
    EXPECT_EQ(error_of(listed), "none") << listed.message();
    EXPECT_EQ(listed.as<wire::ListOffsetsResponse>()->partitions()->Get(0)->offset(), end + 1);
}

}  // namespace
}  // namespace millrace::testing
