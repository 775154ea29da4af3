// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The client's examples do what they say, against a real broker.
#include "tests/support/broker_fixture.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace millrace::testing {
namespace {

using ::testing::HasSubstr;

class Examples : public BrokerTest {
protected:
    [[nodiscard]] CommandResult example(const std::string& name,
                                        std::vector<std::string> arguments,
                                        std::string_view input = {}) {
        const auto variable = "MILLRACE_TEST_EXAMPLE_" + name;
        const char* path = std::getenv(variable.c_str());
        if (path == nullptr) throw std::runtime_error(variable + " is not set");
        std::vector<std::string> command{path, broker().address()};
        command.insert(command.end(), arguments.begin(), arguments.end());
        return run_command(command, input);
    }
};

TEST_F(Examples, MakeATopicFillItAndReadItBack) {
    start();
    const auto made = example("TOPICS", {"orders", "3"});
    EXPECT_EQ(made.status, 0) << made.errors;
    EXPECT_THAT(made.output, HasSubstr("orders was made"));
    EXPECT_THAT(made.output, HasSubstr("orders-2 holds offsets 0 to 0"));

    std::string input;
    for (int i = 0; i < 1000; ++i)
        input += "key" + std::to_string(i % 10) + "\tvalue " + std::to_string(i) + "\n";
    const auto sent = example("PRODUCE", {"orders"}, input);
    EXPECT_EQ(sent.status, 0) << sent.errors;
    EXPECT_EQ(std::ranges::count(sent.output, '\n'), 1000);

    const auto read = example("CONSUME", {"orders"});
    EXPECT_EQ(read.status, 0) << read.errors;
    EXPECT_EQ(std::ranges::count(read.output, '\n'), 1000);
    EXPECT_THAT(read.output, HasSubstr(" key7 value 997\n"));

    const auto again = example("TOPICS", {"orders", "3"});
    EXPECT_THAT(again.output, HasSubstr("orders was there"));
}

TEST_F(Examples, SayWhatIsWrong) {
    start();
    const auto read = example("CONSUME", {"missing"});
    EXPECT_EQ(read.status, 1);
    EXPECT_THAT(read.errors, HasSubstr("missing"));
}

}  // namespace
}  // namespace millrace::testing
