// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace segment over files that a real broker has left, sound and damaged.
#include "tests/support/broker_fixture.h"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace millrace::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int kRecords = 400;
constexpr int kOfMetadata = 2;  // A topic was made, and producer ids were reserved.

// Topic `t` with one partition of several segments, and a broker that has stopped.
class Segments : public BrokerTest {
protected:
    void SetUp() override {
        start();
        create("t", 1, {{"segment.bytes", "16KiB"}, {"index.interval.bytes", "1KiB"}});
        ProducerOptions options;
        options.batch_bytes = 600;
        std::vector<std::string> values;
        values.reserve(kRecords);
        for (int i = 0; i < kRecords; ++i)
            values.push_back("record " + std::to_string(i) + std::string(200, '.'));
        std::vector<Record> records;
        records.reserve(kRecords);
        for (const auto& value : values)
            records.push_back(record_of("t", value));
        send_all(records, options);
        ASSERT_EQ(broker().stop(), 0);
        for (const auto& path : files(".log")) {
            if (path.parent_path().filename() == "t-0") logs_.push_back(path);
        }
        ASSERT_GE(logs_.size(), 4U);
    }

    [[nodiscard]] nlohmann::json verify(const fs::path& path, int status) {
        const auto result = millrace({"segment", "verify", path, "-o", "json"});
        EXPECT_EQ(result.status, status) << result.errors;
        return nlohmann::json::parse(result.output);
    }

    // The only damage that is found below the data directory.
    [[nodiscard]] nlohmann::json damage() {
        const auto found = verify(data(), 1);
        EXPECT_THAT(found["damaged"], SizeIs(1)) << found;
        return found["damaged"].at(0);
    }

    // The batches of a segment, as `dump` lists them.
    [[nodiscard]] nlohmann::json batches(const fs::path& log) {
        return nlohmann::json::parse(millrace({"segment", "dump", log, "-o", "json"}).output);
    }

    static void overwrite(const fs::path& path, std::uint64_t at, std::string_view bytes) {
        std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(static_cast<std::streamoff>(at));
        file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        ASSERT_TRUE(file.flush());
    }

    std::vector<fs::path> logs_;
};

TEST_F(Segments, AreSoundAsTheBrokerLeavesThem) {
    const auto found = verify(data(), 0);
    EXPECT_EQ(found["files"], logs_.size() + 1);  // One of the broker's own metadata.
    EXPECT_EQ(found["records"], kRecords + kOfMetadata);
    EXPECT_THAT(found["damaged"], SizeIs(0));
    EXPECT_EQ(verify(logs_[1].parent_path(), 0)["records"], kRecords);
    EXPECT_EQ(verify(logs_[1], 0)["files"], 1);
    const auto shown = millrace({"segment", "verify", data()});
    EXPECT_THAT(shown.output, HasSubstr("sound"));
    EXPECT_THAT(shown.output, Not(HasSubstr("not stopped cleanly")));
}

TEST_F(Segments, WithAFlippedBitNameTheBatchAndGoOnBehindIt) {
    const auto batch = batches(logs_[1]).at(2);
    overwrite(logs_[1], batch["position"].get<std::uint64_t>() + 100, "#");
    const auto found = damage();
    EXPECT_EQ(found["file"], logs_[1].string());
    EXPECT_EQ(found["first_offset"], batch["base_offset"]);
    EXPECT_EQ(found["last_offset"], batch["last_offset"]);
    EXPECT_THAT(found["reason"].get<std::string>(), HasSubstr("checksum"));
    const auto lost = batch["records"].get<int>();
    EXPECT_EQ(verify(data(), 1)["records"], kRecords + kOfMetadata - lost);
    const auto dumped = millrace({"segment", "dump", logs_[1].parent_path(), "--records"});
    EXPECT_EQ(dumped.status, 1);
    EXPECT_EQ(std::ranges::count(dumped.output, '\n'), kRecords - lost);
    EXPECT_THAT(dumped.errors, HasSubstr("checksum"));
}

TEST_F(Segments, WithAWrongLengthGoOnWhereTheIndexHasABatch) {
    const auto all = batches(logs_[1]);
    overwrite(logs_[1],
              all.at(1)["position"].get<std::uint64_t>() + 8,
              std::string_view("\x7f\0\0\0", 4));
    const auto found = damage();
    EXPECT_EQ(found["first_offset"], all.at(1)["base_offset"]);
    EXPECT_GE(found["last_offset"], all.at(1)["last_offset"]);
    EXPECT_LT(found["last_offset"], all.back()["base_offset"]);
    EXPECT_THAT(found["reason"].get<std::string>(), HasSubstr("length"));
}

TEST_F(Segments, ThatAreCutOffAreDamagedFromThereOn) {
    const auto last = batches(logs_[1]).back();
    fs::resize_file(logs_[1], last["position"].get<std::uint64_t>() + 30);
    const auto found = damage();
    EXPECT_EQ(found["first_offset"], last["base_offset"]);
    EXPECT_EQ(found["last_offset"], last["last_offset"]);
}

TEST_F(Segments, ThatAreMissingAreDamagedAsAWhole) {
    fs::remove(logs_[1]);
    EXPECT_EQ(damage()["file"], logs_[1].string());
    fs::remove_all(logs_[1].parent_path());
    const auto lost = damage();
    EXPECT_THAT(lost["file"].get<std::string>(), EndsWith("-0"));
    EXPECT_EQ(lost["first_offset"], 0);
    EXPECT_EQ(lost["last_offset"], kRecords - 1);
}

TEST_F(Segments, WithAWrongIndexEntryNameIt) {
    auto index = logs_[1];
    index.replace_extension(".index");
    ASSERT_GE(fs::file_size(index), 16U);
    overwrite(index, 4, std::string_view("\0\0\0\x01", 4));
    EXPECT_EQ(damage()["file"], index.string());
    const auto shown = millrace({"segment", "index", logs_[1]});
    EXPECT_EQ(shown.status, 1);
    EXPECT_THAT(shown.output, HasSubstr("byte 1\n"));
    EXPECT_THAT(shown.errors, HasSubstr("no batch begins there"));
}

TEST_F(Segments, ThatNoCheckpointNamesArePassedOver) {
    fs::copy_file(logs_[1], logs_[1].parent_path() / "00000000000000099999.log");
    EXPECT_THAT(verify(data(), 0)["damaged"], SizeIs(0));
    EXPECT_THAT(millrace({"segment", "verify", data()}).output, HasSubstr("passed over: 1 "));
}

TEST_F(Segments, OfAFolderAloneAreReadToTheirZeros) {
    const auto copy = data() / "copied";
    fs::create_directory(copy);
    fs::copy(logs_[1].parent_path(), copy / "t-0", fs::copy_options::recursive);
    for (const auto* slot : {"checkpoint.a", "checkpoint.b"})
        fs::remove(data() / slot);
    const auto last = copy / "t-0" / logs_.back().filename();
    fs::resize_file(last, fs::file_size(last) + 100'000);
    EXPECT_EQ(verify(copy, 0)["records"], kRecords);
    overwrite(last, fs::file_size(last) - 1, "x");
    EXPECT_THAT(verify(copy, 1)["damaged"], SizeIs(1));
}

TEST_F(Segments, OfAPathThatHoldsNoneAreAnErrorThatNamesIt) {
    const auto missing = millrace({"segment", "verify", data() / "nowhere"});
    EXPECT_EQ(missing.status, 2);
    EXPECT_THAT(missing.errors, HasSubstr("nowhere does not exist"));
    const auto other = millrace({"segment", "dump", data() / "checkpoint.a"});
    EXPECT_THAT(other.errors, HasSubstr("neither a directory nor a segment"));
    for (const auto* slot : {"checkpoint.a", "checkpoint.b"})
        overwrite(data() / slot, 50, "damaged");
    EXPECT_THAT(millrace({"segment", "verify", data()}).errors, HasSubstr("checkpoint.b is whole"));
}

}  // namespace
}  // namespace millrace::testing
