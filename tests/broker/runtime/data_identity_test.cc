// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/data_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace millrace::broker {
namespace {

using ::testing::HasSubstr;

class DataIdentityTest : public ::testing::Test {
protected:
    DataIdentityTest() {
        std::string pattern = "/var/tmp/millrace-identity-XXXXXX";
        directory_ = mkdtemp(pattern.data());
    }

    ~DataIdentityTest() override { std::filesystem::remove_all(directory_); }

    void write(const char* file, const std::string& text) {
        std::ofstream(directory_ / file) << text;
    }

    [[nodiscard]] std::string refusal(std::int32_t node = 1) const {
        const auto checked = check_data_directory(directory_, node);
        return checked ? "" : checked.error();
    }

    std::filesystem::path directory_;
};

TEST_F(DataIdentityTest, IsMadeOnceAndKept) {
    const auto made = open_identity(directory_, 7);
    ASSERT_TRUE(made) << made.error();
    const auto again = open_identity(directory_, 7);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->cluster_id, made->cluster_id);
    EXPECT_EQ(refusal(7), "");
    const auto text = uuid_text(made->cluster_id);
    EXPECT_EQ(text.size(), 36U);
    EXPECT_EQ(text[14], '4');
    EXPECT_FALSE(std::filesystem::exists(directory_ / "meta.json.tmp"));
}

TEST_F(DataIdentityTest, AcceptsADirectoryThatIsNewOrWasNeverFinished) {
    EXPECT_EQ(refusal(), "");
    write("lock", "");
    write("meta.json.tmp", "{");
    EXPECT_EQ(refusal(), "");
    directory_ /= "missing";
    EXPECT_EQ(refusal(), "");
    directory_ = directory_.parent_path();
}

TEST_F(DataIdentityTest, RefusesADirectoryOfSomebodyElse) {
    write("photo.jpg", "");
    EXPECT_THAT(refusal(), HasSubstr("photo.jpg"));
}

TEST_F(DataIdentityTest, RefusesAFileInPlaceOfADirectory) {
    write("file", "");
    EXPECT_THAT(check_data_directory(directory_ / "file", 1).error(), HasSubstr("Not a directory"));
}

TEST_F(DataIdentityTest, RefusesALaterVersionAndNamesBoth) {
    write("meta.json", R"({"format_version": 99})");
    EXPECT_THAT(refusal(), HasSubstr("99"));
    EXPECT_THAT(refusal(), HasSubstr("up to 1"));
}

TEST_F(DataIdentityTest, RefusesTheDataOfAnotherNode) {
    ASSERT_TRUE(open_identity(directory_, 1));
    EXPECT_THAT(refusal(2), HasSubstr("node.id = 1"));
    EXPECT_FALSE(open_identity(directory_, 2));
}

TEST_F(DataIdentityTest, RefusesDamage) {
    for (const auto* text : {"",
                             "{",
                             "[]",
                             "3",
                             R"({"format_version":"1"})",
                             R"({"format_version":1})",
                             R"({"format_version":1,"node_id":1,"cluster_id":"x"})",
                             R"({"format_version":1,"node_id":1,"cluster_id":5})"}) {
        write("meta.json", text);
        EXPECT_NE(refusal(), "") << text;
    }
}

}  // namespace
}  // namespace millrace::broker
