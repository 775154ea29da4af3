// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// `topic verify` of a real broker whose files are damaged under it.
#include "tests/support/broker_fixture.h"
#include "tests/support/metrics_page.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

namespace millrace::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class VerifyTest : public BrokerTest {
protected:
    // Each a batch of its own; three of them fill a segment of 4096 bytes.
    void fill() {
        start();
        create("orders", 1, {{"segment.bytes", "4096"}});
        const std::string value(1200, 'x');
        for (int i = 0; i < 12; ++i) {
            auto record = record_of("orders", value);
            record.partition = 0;
            send(record);
        }
        restart();  // Its records lie in segment files now.
    }

    // The oldest file with this suffix.
    void flip(const std::string& suffix, std::int64_t position) {
        auto found = files(suffix);
        std::erase_if(found,
                      [](const auto& file) { return file.parent_path().filename() != "orders-0"; });
        ASSERT_FALSE(found.empty());
        std::ranges::sort(found);
        std::fstream file(found.front(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(position);
        const auto byte = static_cast<char>(file.get() ^ 0x40);
        file.seekp(position);
        file.put(byte);
        ASSERT_TRUE(file.flush().good());
    }
};

TEST_F(VerifyTest, SaysHowMuchIsSound) {
    fill();
    const auto result = millrace({"topic", "verify", "orders", "-o", "json"});
    EXPECT_EQ(result.status, 0) << result.errors;
    const auto rows = Json::parse(result.output);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].at("segments"), 4);
    EXPECT_EQ(rows[0].at("records"), 12);
    EXPECT_TRUE(rows[0].at("damaged").empty());
}

TEST_F(VerifyTest, NamesWhatIsDamagedWhileReadersGoOnBehindIt) {
    fill();
    flip(".log", 1500);  // In the second record.
    const auto result = millrace({"topic", "verify", "orders", "-o", "json"});
    EXPECT_EQ(result.status, 1) << result.errors;
    const auto damaged = Json::parse(result.output).at(0).at("damaged");
    ASSERT_EQ(damaged.size(), 1U) << result.output;
    EXPECT_EQ(damaged[0].at("file"), "00000000000000000000.log");
    EXPECT_EQ(damaged[0].at("first_offset"), 1);
    EXPECT_EQ(damaged[0].at("last_offset"), 1);
    EXPECT_THAT(damaged[0].at("reason").get<std::string>(), HasSubstr("checksum"));
    EXPECT_THAT(millrace({"topic", "verify", "orders", "-p", "0"}).output,
                HasSubstr("offsets 1 to 1"));
    const auto behind = millrace({"consume", "orders", "-p", "0", "--from", "2", "-n", "1"});
    EXPECT_EQ(behind.status, 0) << behind.errors;
}

TEST_F(VerifyTest, SaysOfATopicThatIsNotThereThatItIsNot) {
    start();
    EXPECT_NE(millrace({"topic", "verify", "nothing"}).status, 0);
}

}  // namespace
}  // namespace millrace::testing
