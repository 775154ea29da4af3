// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Topics that begin with files of another broker: all of them or nothing, whatever is wrong with
// the files, and wherever the power goes.
#include "broker/protocol/uuid.h"
#include "engine/format/checkpoint_codec.h"
#include "tests/broker/request/requests.h"
#include "tests/broker/request/service_rig.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <random>
#include <set>

namespace millrace::testing {

namespace {

using ::testing::HasSubstr;
using wire::ErrorCode;

constexpr std::uint32_t kPartitions = 4;
const std::string kStaged = "restore/x1/";

using Records = std::vector<std::pair<std::int64_t, std::string>>;

// What a broker left of a topic, and what its readers had.
struct Left {
    std::map<std::string, std::vector<std::byte>> files;  // Below the staged folder.
    std::vector<Records> records;                         // By partition.
};

Records read_all(ServiceRig& rig, PeerDouble& peer, const engine::PartitionKey& key) {
    const auto start = fetched_one(rig.ask(peer, fetch_request({{key}}, {.wait_max_ms = 0})));
    Records all;
    auto from = std::max<std::int64_t>(start.log_start, 0);
    for (;;) {
        const auto some = fetched_one(
                rig.ask(peer, fetch_request({{.key = key, .offset = from}}, {.wait_max_ms = 0})));
        EXPECT_EQ(some.error, 0);
        for (const auto& record : some.records) {
            if (record.first >= from) all.push_back(record);
        }
        if (some.records.empty()) return all;
        from = some.records.back().first + 1;
    }
}

// Partitions 0 to 2 have records, the first segments of 1 are deleted; of 3 everything is.
Left make_topic() {
    SimDisk disk;
    ServiceRig rig(disk, {.shards = 2});
    EXPECT_TRUE(rig.start());
    auto& peer = rig.connect(0);
    const auto id = create(rig, peer, "orders", kPartitions, {{"segment.bytes", "4096"}});
    for (int i = 0; i < 60; ++i) {
        const auto partition = static_cast<std::uint32_t>(i % 3);
        EXPECT_GE(produce_one(rig,
                              peer,
                              {id, partition},
                              std::string(500, static_cast<char>('a' + i % 26))),
                  0);
    }
    rig.settle();
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(produce_one(rig, peer, {id, 3}, "gone"), i);
    static_cast<void>(rig.ask(peer, delete_records_request({id, 1}, 12)));
    static_cast<void>(rig.ask(peer, delete_records_request({id, 3}, -1)));
    Left left;
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition)
        left.records.push_back(read_all(rig, peer, {id, partition}));
    EXPECT_TRUE(rig.stop());
    auto checkpoint = engine::decode_checkpoint(disk.contents("checkpoint.a"));
    std::erase_if(checkpoint->partitions, [&id](const auto& row) { return row.key.topic != id; });
    engine::encode_checkpoint(*checkpoint, left.files["checkpoint.a"]);
    for (const auto& path : disk.files()) {
        const std::string topics = "topics/orders-";
        if (!path.starts_with(topics)) continue;
        left.files[path.substr(topics.size())] = disk.contents(path);
    }
    // What lies behind the data of a last segment stays behind.
    for (const auto& row : checkpoint->partitions) {
        for (const auto& segment : row.segments) {
            left.files.at(fmt::format("{}/{:020}.log", row.key.partition, segment.base.value))
                    .resize(segment.bytes);
        }
    }
    return left;
}

const Left& left() {
    static const Left made = make_topic();
    return made;
}

void lay_down(SimDisk& disk, const std::map<std::string, std::vector<std::byte>>& files) {
    for (const auto& [path, bytes] : files) {
        if (!disk.exists(kStaged + path)) disk.put(kStaged + path, bytes);
    }
}

struct Restored {
    ErrorCode error = ErrorCode::none;
    std::string message;
    engine::TopicId id;
};

Restored restore(ServiceRig& rig,
                 PeerDouble& peer,
                 const std::string& name = "orders",
                 std::uint32_t partitions = kPartitions,
                 const std::string& staged = "x1") {
    const auto answer = rig.ask(peer, restore_topic_request(name, partitions, staged));
    const auto* response = answer.as<wire::RestoreTopicResponse>();
    if (response == nullptr || response->topics() == nullptr) {
        return {static_cast<ErrorCode>(answer.error()), answer.message(), {}};
    }
    const auto* topic = response->topics()->Get(0);
    return {static_cast<ErrorCode>(topic->error()),
            topic->message() == nullptr ? "" : topic->message()->str(),
            broker::from_wire(*topic->id())};
}

void expect_all(ServiceRig& rig, PeerDouble& peer, const engine::TopicId& id) {
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition)
        EXPECT_EQ(read_all(rig, peer, {id, partition}), left().records[partition]) << partition;
}

// Whose data the engine will look for at its next start.
std::set<engine::TopicId> topics_with_data(const SimDisk& disk) {
    std::set<engine::TopicId> topics;
    const auto checkpoint = engine::decode_checkpoint(disk.contents("checkpoint.a"));
    for (const auto& row : checkpoint->partitions)
        topics.insert(row.key.topic);
    topics.erase(engine::kMetadataTopic);
    return topics;
}

class RestoreTopicTest : public ::testing::TestWithParam<std::uint32_t> {
protected:
    // Over several shards there are more operations, and little that is new in each.
    [[nodiscard]] static std::size_t step() { return GetParam() == 1 ? 1 : 5; }

    [[nodiscard]] std::unique_ptr<ServiceRig> started(SimDisk& disk, bool may_fail = false) const {
        auto rig = std::make_unique<ServiceRig>(
                disk, RigOptions{.shards = GetParam(), .engine_may_fail = may_fail});
        EXPECT_TRUE(rig->start()) << rig->events();
        return rig;
    }
};

INSTANTIATE_TEST_SUITE_P(Shards, RestoreTopicTest, ::testing::Values(1U, 3U));

TEST_P(RestoreTopicTest, BringsEveryRecordBackAtItsOffset) {
    SimDisk disk;
    lay_down(disk, left().files);
    auto rig = started(disk);
    const auto restored = restore(*rig, rig->connect(0));
    ASSERT_EQ(restored.error, ErrorCode::none) << restored.message;
    ASSERT_EQ(left().records[1].front().first, 12);
    expect_all(*rig, rig->connect(0), restored.id);
    EXPECT_EQ(produce_one(*rig, rig->connect(0), {restored.id, 0}, "more"), 20);
    EXPECT_EQ(produce_one(*rig, rig->connect(0), {restored.id, 3}, "first"), 5);
    // As a power cut leaves it, and as a clean stop does.
    SimDisk cut = disk.crashed([] { return false; }, 512);
    EXPECT_TRUE(rig->stop());
    rig.reset();
    for (auto* each : {&cut, &disk}) {
        auto again = started(*each);
        auto& peer = again->connect(0);
        auto wanted = left().records[0];
        wanted.emplace_back(20, "more");
        EXPECT_EQ(read_all(*again, peer, {restored.id, 0}), wanted);
        EXPECT_EQ(read_all(*again, peer, {restored.id, 1}), left().records[1]);
    }
}

TEST_P(RestoreTopicTest, CanBeDeletedAndDoneAgain) {
    SimDisk disk;
    auto rig = started(disk);
    auto& peer = rig->connect(0);
    for (int round = 0; round < 3; ++round) {
        lay_down(disk, left().files);
        const auto restored = restore(*rig, peer);
        ASSERT_EQ(restored.error, ErrorCode::none) << restored.message;
        if (round == 1) expect_all(*rig, peer, restored.id);
        static_cast<void>(rig->ask(peer, delete_topic_request("orders")));
        rig->settle();
    }
    EXPECT_TRUE(rig->stop());
    EXPECT_TRUE(topics_with_data(disk).empty());
    for (const auto& path : disk.files())
        EXPECT_FALSE(path.starts_with("topics/orders")) << path;
}

TEST_P(RestoreTopicTest, RefusesWhatCannotBeATopicAndLeavesNothing) {
    const auto log = std::string("0/00000000000000000000.log");

    struct Wrong {
        const char* message;
        std::function<void(std::map<std::string, std::vector<std::byte>>&)> change;
    };

    const Wrong wrongs[] = {
            {"its checkpoint cannot be read", [](auto& files) { files.clear(); }},
            {"its checkpoint is damaged",
             [](auto& files) { files["checkpoint.a"][100] ^= std::byte{1}; }},
            {"cannot be looked at", [&](auto& files) { files.erase(log); }},
            {"bytes where", [&](auto& files) { files[log].pop_back(); }},
            {"bytes where", [&](auto& files) { files[log].push_back(std::byte{0}); }},
            {"not in order",
             [](auto& files) {
                 auto checkpoint = engine::decode_checkpoint(files["checkpoint.a"]);
                 for (auto& row : checkpoint->partitions) {
                     if (row.segments.empty()) continue;
                     std::reverse(row.segments.begin() + 1, row.segments.end());
                 }
                 files["checkpoint.a"].clear();
                 engine::encode_checkpoint(*checkpoint, files["checkpoint.a"]);
             }},
            {"does not hold where it starts",
             [](auto& files) {
                 auto checkpoint = engine::decode_checkpoint(files["checkpoint.a"]);
                 for (auto& row : checkpoint->partitions) {
                     if (!row.segments.empty()) row.segments.erase(row.segments.begin());
                 }
                 files["checkpoint.a"].clear();
                 engine::encode_checkpoint(*checkpoint, files["checkpoint.a"]);
             }},
            {"not of one topic",
             [](auto& files) {
                 auto checkpoint = engine::decode_checkpoint(files["checkpoint.a"]);
                 checkpoint->partitions.push_back(checkpoint->partitions.front());
                 files["checkpoint.a"].clear();
                 engine::encode_checkpoint(*checkpoint, files["checkpoint.a"]);
             }},
    };
    for (const auto& wrong : wrongs) {
        SCOPED_TRACE(wrong.message);
        SimDisk disk;
        auto files = left().files;
        wrong.change(files);
        lay_down(disk, files);
        auto rig = started(disk);
        auto& peer = rig->connect(0);
        const auto refused = restore(*rig, peer);
        EXPECT_EQ(refused.error, ErrorCode::damaged_range);
        EXPECT_THAT(refused.message, HasSubstr(wrong.message));
        EXPECT_THAT(refused.message, HasSubstr("restore/x1"));
        // The name is free, also for those that come later.
        const auto id = create(*rig, peer, "orders", kPartitions);
        EXPECT_EQ(produce_one(*rig, peer, {id, 0}, "new"), 0);
        EXPECT_TRUE(rig->stop());
        EXPECT_EQ(topics_with_data(disk), std::set{id});
        rig.reset();
        auto again = started(disk);
        EXPECT_EQ(read_all(*again, again->connect(0), {id, 0}).size(), 1U);
    }
}

TEST_P(RestoreTopicTest, RefusesNamesThatAreTakenOrLeadElsewhere) {
    SimDisk disk;
    lay_down(disk, left().files);
    auto rig = started(disk);
    auto& peer = rig->connect(0);
    static_cast<void>(create(*rig, peer, "taken", 1));
    EXPECT_EQ(restore(*rig, peer, "taken").error, ErrorCode::topic_exists);
    EXPECT_EQ(restore(*rig, peer, "a/b").error, ErrorCode::invalid_topic_name);
    EXPECT_EQ(restore(*rig, peer, "orders", 0).error, ErrorCode::malformed_request);
    for (const auto* staged : {"", "..", "a/../../topics", "x1/", "A", "x.1"}) {
        EXPECT_EQ(restore(*rig, peer, "orders", kPartitions, staged).error,
                  ErrorCode::malformed_request)
                << staged;
    }
    EXPECT_EQ(restore(*rig, peer, "orders", kPartitions, std::string(65, 'a')).error,
              ErrorCode::malformed_request);
    EXPECT_EQ(restore(*rig, peer).error, ErrorCode::none);
}

// One operation of the disk fails, whichever it is.
TEST_P(RestoreTopicTest, IsThereWholeOrNotAtAllWhateverFails) {
    SimDisk laid;
    lay_down(laid, left().files);
    { ASSERT_TRUE(started(laid)->stop()); }
    std::size_t points = 0;
    for (const int error : {EIO, ENOSPC}) {
        bool hit = true;
        for (points = 0; hit; points += step()) {
            SCOPED_TRACE(std::to_string(error) + " at operation " + std::to_string(points));
            SimDisk disk(laid);
            auto rig = started(disk, true);
            auto& peer = rig->connect(0);
            disk.set_fault({.operation = disk.operations() + points, .error = error});
            rig->send(peer, restore_topic_request("orders", kPartitions, "x1"));
            rig->settle();
            hit = disk.fault_hit();
            disk.clear_fault();
            SimDisk after = disk.killed();
            rig.reset();
            auto again = started(after);
            auto& reader = again->connect(0);
            const auto answer = again->ask(reader, metadata_request({"orders"}));
            const auto* topic = answer.as<wire::MetadataResponse>()->topics()->Get(0);
            if (topic->error() == 0) {
                expect_all(*again, reader, broker::from_wire(*topic->id()));
            } else {
                EXPECT_TRUE(hit);
                const auto id = create(*again, reader, "orders", kPartitions);
                EXPECT_EQ(produce_one(*again, reader, {id, 0}, "new"), 0);
            }
            ASSERT_FALSE(HasFailure());
        }
        EXPECT_GT(points, 50U);
    }
}

// Whatever survives of what was not synced: nothing, all, or some of it.
TEST_P(RestoreTopicTest, IsThereWholeOrNotAtAllWhereverThePowerGoes) {
    SimDisk laid;
    lay_down(laid, left().files);
    { ASSERT_TRUE(started(laid)->stop()); }
    std::size_t there = 0;
    std::size_t points = 0;
    for (bool over = false; !over; points += step()) {
        SCOPED_TRACE("operation " + std::to_string(points));
        SimDisk disk(laid);
        auto rig = started(disk);
        auto& peer = rig->connect(0);
        const auto first = disk.operations();
        std::minstd_rand random(static_cast<unsigned>(points + 1));
        std::optional<SimDisk> cut;
        disk.set_observer([&](const SimOperation& operation) {
            if (cut || operation.number < first + points) return;
            const auto kind = points % 3;
            cut = disk.crashed([&] { return kind == 2 ? random() % 2 == 0 : kind == 1; }, 512);
        });
        const auto restored = restore(*rig, peer);
        ASSERT_EQ(restored.error, ErrorCode::none) << restored.message;
        disk.set_observer(nullptr);
        over = !cut;
        if (!cut) cut = disk.crashed([] { return false; }, 512);
        rig.reset();
        auto again = started(*cut);
        auto& reader = again->connect(0);
        const auto answer = again->ask(reader, metadata_request({"orders"}));
        const auto* topic = answer.as<wire::MetadataResponse>()->topics()->Get(0);
        if (topic->error() == 0) {
            ++there;
            expect_all(*again, reader, broker::from_wire(*topic->id()));
        } else {
            EXPECT_FALSE(over);
            // What was left behind is in nobody's way.
            const auto id = create(*again, reader, "orders", kPartitions);
            EXPECT_EQ(produce_one(*again, reader, {id, 0}, "new"), 0);
        }
        ASSERT_FALSE(HasFailure());
    }
    EXPECT_GT(there, 0U);
    EXPECT_GT(points, 50U);
}

}  // namespace

}  // namespace millrace::testing
