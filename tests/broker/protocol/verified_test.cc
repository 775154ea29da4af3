// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/protocol/verified.h"

#include "broker/protocol/batch_walk.h"
#include "broker/protocol/hello_codec.h"
#include "broker/protocol/request_checks.h"
#include "broker/protocol/response_writer.h"
#include "broker/protocol/uuid.h"
#include "broker/protocol/wire_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace millrace::broker {

namespace {

using ::testing::HasSubstr;
using wire::ErrorCode;
using Builder = flatbuffers::FlatBufferBuilder;

// A table with the alignment a connection gives it.
class Table {
public:
    template <class Pack>
    explicit Table(Pack&& pack) {
        Builder builder;
        builder.Align(8);
        builder.Finish(pack(builder));
        const auto span = builder.GetBufferSpan();
        bytes_ = span.size();
        memory_.resize(bytes_ / 8 + 2);
        std::memcpy(memory_.data(), span.data(), bytes_);
    }

    [[nodiscard]] engine::Bytes bytes() const {
        return {reinterpret_cast<const std::byte*>(memory_.data()), bytes_};
    }

    [[nodiscard]] std::byte* data() { return reinterpret_cast<std::byte*>(memory_.data()); }

private:
    std::vector<std::uint64_t> memory_;
    std::size_t bytes_ = 0;
};

template <class T>
ErrorCode code_of(engine::Bytes table, engine::Bytes payload = {}) {
    IncomingFrame frame;
    frame.table = table;
    frame.payload = payload;
    const auto verified = verify<T>(frame);
    return verified ? ErrorCode::none : verified.error().code;
}

// A run of bytes that looks, from outside, like one batch of that whole size.
std::vector<std::byte> batch_shell(std::uint32_t size) {
    std::vector<std::byte> bytes(size);
    const auto length = size - 12;
    for (unsigned index = 0; index < 4; ++index) {
        bytes[8 + index] = static_cast<std::byte>(length >> (24 - 8 * index));
    }
    return bytes;
}

TEST(Verify, TakesTablesWithinTheLimitAndNoneBeyondIt) {
    const auto with_topics = [](unsigned count) {
        return Table([count](Builder& builder) {
            std::vector<flatbuffers::Offset<wire::TopicQuery>> topics;
            for (unsigned index = 0; index < count; ++index) {
                topics.push_back(wire::CreateTopicQueryDirect(
                        builder, nullptr, std::to_string(index).c_str()));
            }
            return wire::CreateMetadataRequestDirect(builder, &topics);
        });
    };
    // The root is one of the 256.
    EXPECT_EQ(code_of<wire::MetadataRequest>(with_topics(255).bytes()), ErrorCode::none);
    EXPECT_EQ(code_of<wire::MetadataRequest>(with_topics(256).bytes()),
              ErrorCode::malformed_request);
}

TEST(Verify, CountsStringsAsOftenAsTheyAreNamed) {
    // Every resource shares one vector of keys: small to send, large to read.
    const auto shared = [](unsigned resources, unsigned keys) {
        return Table([=](Builder& builder) {
            const auto key = builder.CreateString("retention.ms");
            const std::vector<flatbuffers::Offset<flatbuffers::String>> same(keys, key);
            const auto vector = builder.CreateVector(same);
            std::vector<flatbuffers::Offset<wire::ConfigResource>> rows;
            for (unsigned index = 0; index < resources; ++index) {
                rows.push_back(
                        wire::CreateConfigResource(builder, wire::ResourceKind::topic, 0, vector));
            }
            return wire::CreateDescribeConfigsRequestDirect(builder, &rows);
        });
    };
    EXPECT_EQ(code_of<wire::DescribeConfigsRequest>(shared(128, 128).bytes()), ErrorCode::none);
    EXPECT_EQ(code_of<wire::DescribeConfigsRequest>(shared(129, 128).bytes()),
              ErrorCode::malformed_request);
    EXPECT_EQ(code_of<wire::DescribeConfigsRequest>(shared(200, 50'000).bytes()),
              ErrorCode::malformed_request);
}

TEST(Verify, CountsApparentTextAsOftenAsItIsNamed) {
    const auto shared = [](std::size_t bytes, unsigned count) {
        return Table([=](Builder& builder) {
            const auto text = builder.CreateString(std::string(bytes, 'v'));
            std::vector<flatbuffers::Offset<wire::ConfigChange>> changes;
            for (unsigned index = 0; index < count; ++index) {
                const auto key = builder.CreateString(std::to_string(index));
                changes.push_back(
                        wire::CreateConfigChange(builder, key, wire::AlterKind::set, text));
            }
            const std::vector resources{wire::CreateAlteredResourceDirect(
                    builder, wire::ResourceKind::topic, "orders", &changes)};
            return wire::CreateAlterConfigsRequestDirect(builder, &resources);
        });
    };
    EXPECT_EQ(code_of<wire::AlterConfigsRequest>(shared(5'000, 200).bytes()), ErrorCode::none);
    EXPECT_EQ(code_of<wire::AlterConfigsRequest>(shared(6'000, 200).bytes()),
              ErrorCode::malformed_request);
}

TEST(Verify, RefusesRowsThatAreNotAligned) {
    const Table good([](Builder& builder) {
        const std::vector<wire::OffsetQuery> rows{{wire::Uuid(1, 2), 0, -1, -1}};
        return wire::CreateListOffsetsRequestDirect(builder, &rows);
    });
    ASSERT_EQ(code_of<wire::ListOffsetsRequest>(good.bytes()), ErrorCode::none);
    // The same table 4 bytes on: FlatBuffers' verifier sees nothing wrong with it.
    std::vector<std::uint64_t> shifted(good.bytes().size() / 8 + 2);
    auto* data = reinterpret_cast<std::byte*>(shifted.data());
    std::memcpy(data + 4, good.bytes().data(), good.bytes().size());
    std::uint32_t root = 0;
    std::memcpy(&root, data + 4, sizeof root);
    root += 4;
    std::memcpy(data, &root, sizeof root);
    const engine::Bytes bytes{data, good.bytes().size() + 4};
    EXPECT_TRUE(verify_structure<wire::ListOffsetsRequest>(bytes));
    EXPECT_EQ(code_of<wire::ListOffsetsRequest>(bytes), ErrorCode::malformed_request);
}

TEST(Verify, RefusesEveryTruncationOfATable) {
    const Table whole([](Builder& builder) {
        const std::vector<wire::ProducePartition> rows{{wire::Uuid(1, 2), 0, 100}};
        return wire::CreateProduceRequestDirect(
                builder, -1, wire::AckDurability::topic, 1'000, &rows);
    });
    const auto payload = batch_shell(100);
    ASSERT_EQ(code_of<wire::ProduceRequest>(whole.bytes(), payload), ErrorCode::none);
    for (std::size_t size = 0; size < whole.bytes().size(); ++size) {
        EXPECT_NE(code_of<wire::ProduceRequest>(whole.bytes().first(size), payload),
                  ErrorCode::none)
                << size;
    }
}

TEST(Verify, ReadsTablesOfTenThousandRows) {
    const Table table([](Builder& builder) {
        std::vector<wire::FetchPartition> rows;
        for (std::uint32_t partition = 0; partition < kStructRowsMax; ++partition) {
            rows.emplace_back(wire::Uuid(1, 2), partition, -1, 0, 1, 0);
        }
        return wire::CreateFetchRequestDirect(builder, 0, 0, 0, 0, 0, &rows);
    });
    EXPECT_EQ(code_of<wire::FetchRequest>(table.bytes()), ErrorCode::none);
    const Table too_many([](Builder& builder) {
        std::vector<wire::FetchPartition> rows;
        for (std::uint32_t partition = 0; partition <= kStructRowsMax; ++partition) {
            rows.emplace_back(wire::Uuid(1, 2), partition, -1, 0, 1, 0);
        }
        return wire::CreateFetchRequestDirect(builder, 0, 0, 0, 0, 0, &rows);
    });
    EXPECT_EQ(code_of<wire::FetchRequest>(too_many.bytes()), ErrorCode::malformed_request);
}

ErrorCode produce(const std::vector<std::uint32_t>& claimed,
                  const std::vector<std::byte>& payload,
                  std::int8_t acks = -1) {
    const Table table([&](Builder& builder) {
        std::vector<wire::ProducePartition> rows;
        for (std::uint32_t partition = 0; partition < claimed.size(); ++partition) {
            rows.emplace_back(wire::Uuid(1, 2), partition, claimed[partition]);
        }
        return wire::CreateProduceRequestDirect(
                builder, acks, wire::AckDurability::topic, 1'000, &rows);
    });
    return code_of<wire::ProduceRequest>(table.bytes(), payload);
}

TEST(ProduceRequestCheck, WantsRangesThatFillThePayload) {
    auto two = batch_shell(100);
    const auto second = batch_shell(92);
    two.insert(two.end(), second.begin(), second.end());
    EXPECT_EQ(produce({100, 92}, two), ErrorCode::none);
    EXPECT_EQ(produce({192}, two), ErrorCode::none);  // Two batches of one partition.
    EXPECT_EQ(produce({100}, two), ErrorCode::malformed_request);
    EXPECT_EQ(produce({92, 100}, two), ErrorCode::malformed_request);
    EXPECT_EQ(produce({100, 92, 0}, two), ErrorCode::malformed_request);
    EXPECT_EQ(produce({100, 0xFFFF'FFFF}, two), ErrorCode::malformed_request);
    EXPECT_EQ(produce({100, 93}, two), ErrorCode::malformed_request);
    auto padded = two;
    padded.resize(padded.size() + 7);
    EXPECT_EQ(produce({100, 92}, padded), ErrorCode::none);
    padded.back() = std::byte{1};
    EXPECT_EQ(produce({100, 92}, padded), ErrorCode::malformed_request);
    padded = two;
    padded.resize(padded.size() + 8);
    EXPECT_EQ(produce({100, 92}, padded), ErrorCode::malformed_request);
}

TEST(ProduceRequestCheck, WantsKnownAcks) {
    for (const int acks : {-1, 0, 1}) {
        EXPECT_EQ(produce({100}, batch_shell(100), static_cast<std::int8_t>(acks)),
                  ErrorCode::none);
    }
    for (const int acks : {-2, 2, 127}) {
        EXPECT_EQ(produce({100}, batch_shell(100), static_cast<std::int8_t>(acks)),
                  ErrorCode::invalid_acks);
    }
}

TEST(FetchRequestCheck, FindsPartitionsThatAreNamedTwiceAmongFewAndMany) {
    for (const std::uint32_t count : {2U, 16U, 17U, 1'000U}) {
        for (const bool twice : {false, true}) {
            const Table table([&](Builder& builder) {
                std::vector<wire::FetchPartition> rows;
                for (std::uint32_t index = 0; index < count; ++index) {
                    const auto partition = twice && index == count - 1 ? 0 : index;
                    rows.emplace_back(wire::Uuid(1, 2), partition, -1, 0, 1, 0);
                }
                return wire::CreateFetchRequestDirect(builder, 0, 0, 0, 0, 0, &rows);
            });
            EXPECT_EQ(code_of<wire::FetchRequest>(table.bytes()),
                      twice ? ErrorCode::malformed_request : ErrorCode::none)
                    << count;
        }
    }
}

TEST(BatchWalk, KnowsWholeBatchesByTheirLengths) {
    EXPECT_FALSE(holds_whole_batches({}));
    EXPECT_TRUE(holds_whole_batches(batch_shell(61)));
    EXPECT_FALSE(holds_whole_batches(batch_shell(60)));
    auto negative = batch_shell(61);
    negative[8] = std::byte{0xFF};
    EXPECT_FALSE(holds_whole_batches(negative));
    auto three = batch_shell(70);
    for (const std::uint32_t size : {300U, 61U}) {
        const auto more = batch_shell(size);
        three.insert(three.end(), more.begin(), more.end());
    }
    EXPECT_TRUE(holds_whole_batches(three));
    EXPECT_EQ(largest_batch_bytes(three), 300U);
    three.pop_back();
    EXPECT_FALSE(holds_whole_batches(three));
}

TEST(Uuid, KeepsTheOrderOfItsBytes) {
    engine::TopicId id;
    for (std::uint8_t index = 0; index < 16; ++index)
        id.bytes[index] = index;
    const auto uuid = to_wire(id);
    EXPECT_EQ(uuid.high(), 0x0001020304050607U);
    EXPECT_EQ(uuid.low(), 0x08090A0B0C0D0E0FU);
    EXPECT_EQ(from_wire(uuid), id);
}

TEST(ResponseWriter, GivesTablesThatAreAlignedAndPadded) {
    ResponseWriter writer;
    for (std::size_t size = 0; size < 40; ++size) {
        auto& builder = writer.begin();
        const auto text = builder.CreateString(std::string(size, 'x'));
        wire::ResponseHeadBuilder head(builder);
        head.add_message(text);
        const auto table = writer.finish(head.Finish());
        EXPECT_EQ(table.size() % 8, 0U);
        const auto* read = flatbuffers::GetRoot<wire::ResponseHead>(table.data());
        EXPECT_EQ(read->message()->size(), size);
    }
}

TEST(WireError, NamesWhatAPersonCanDo) {
    EXPECT_THAT(unknown_topic_message("orders"), HasSubstr("millrace topic create orders"));
    const auto large = message_too_large_message("orders", 2'000, 1'000);
    EXPECT_THAT(large, HasSubstr("max.message.bytes = 1000"));
    EXPECT_THAT(large, HasSubstr("'orders'"));
    EXPECT_EQ(to_wire(engine::Error{engine::Errc::storage_full}), ErrorCode::storage_full);
    EXPECT_EQ(to_wire(engine::Error{engine::Errc::io_failed, 5}), ErrorCode::storage_failed);
}

TEST(Hello, IsReadFromItsFixedLayout) {
    const auto bytes = [](std::initializer_list<int> values) {
        std::vector<std::byte> result;
        for (const int value : values)
            result.push_back(static_cast<std::byte>(value));
        return result;
    };
    const auto hello = parse_hello(bytes({2, 0, 1, 0, 0, 0, 0, 0, 'm', 'r', '1', 0, 0, 0, 0, 0}));
    EXPECT_FALSE(parse_hello(bytes({2, 0, 1, 0, 0, 0, 0, 0, 'm', 'r', '1', 0, 0, 0, 0, 1})));
    EXPECT_FALSE(parse_hello(bytes({2, 0, 9, 0, 0, 0, 0, 0, 'm', 'r', '1', 0, 0, 0, 0, 0})));
    EXPECT_FALSE(parse_hello(bytes({2, 0, 1, 0, 1, 0, 0, 0, 'm', 'r', '1', 0, 0, 0, 0, 0})));
    EXPECT_FALSE(parse_hello(bytes({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})));
    EXPECT_FALSE(parse_hello(bytes({0, 0, 0, 0, 0, 0, 0})));
    EXPECT_TRUE(parse_hello(bytes({0, 0, 0, 0, 0, 0, 0, 0})));
    const auto kept = bytes({2, 0, 1, 0, 0, 0, 0, 0, 'm', 'r', '1', 0, 0, 0, 0, 0});
    const auto read = parse_hello(kept);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->name, "mr");
    EXPECT_EQ(read->version, "1");
    EXPECT_TRUE(hello);
}

}  // namespace

}  // namespace millrace::broker
