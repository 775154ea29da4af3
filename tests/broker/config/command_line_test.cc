// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/config/command_line.h"

#include "broker/config/config_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::expected<CommandLine, std::string> parse(std::vector<const char*> arguments) {
    return parse_command_line(arguments);
}

TEST(DaemonCommandLine, NeedsNoArguments) {
    const auto line = parse({});
    ASSERT_TRUE(line);
    EXPECT_EQ(line->action, CommandLine::Action::run);
    EXPECT_FALSE(line->data_directory);
}

TEST(DaemonCommandLine, TakesEveryFlagInBothForms) {
    const auto line = parse({"--config",
                             "a.toml",
                             "--data-dir=/d",
                             "--set",
                             "a.b=c=d",
                             "--set=e.f=1",
                             "--ready-file",
                             "r",
                             "--check",
                             "--accept-wal-loss"});
    ASSERT_TRUE(line) << line.error();
    EXPECT_EQ(line->config, "a.toml");
    EXPECT_EQ(line->data_directory, "/d");
    EXPECT_EQ(line->ready_file, "r");
    EXPECT_THAT(line->assignments, ElementsAre("a.b=c=d", "e.f=1"));
    EXPECT_EQ(line->action, CommandLine::Action::check);
    EXPECT_TRUE(line->accept_wal_loss);
}

TEST(DaemonCommandLine, RefusesWhatItDoesNotKnowAndNamesTheNearest) {
    EXPECT_THAT(parse({"--data-dri", "x"}).error(), HasSubstr("--data-dir"));
    EXPECT_THAT(parse({"data"}).error(), HasSubstr("unknown argument data"));
    EXPECT_THAT(parse({"--config"}).error(), HasSubstr("--config FILE"));
    EXPECT_THAT(parse({"--check=yes"}).error(), HasSubstr("takes no value"));
}

TEST(DaemonCommandLine, HelpNamesEveryKey) {
    for (const auto& key : config_keys()) {
        const auto last = key.name.substr(key.name.rfind('.'));
        EXPECT_THAT(help_text(), HasSubstr(std::string(last)));
    }
}

}  // namespace
}  // namespace millrace::broker
