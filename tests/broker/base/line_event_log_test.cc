// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/base/line_event_log.h"

#include "tests/support/fake_clock.h"

#include <gtest/gtest.h>

#include <thread>
#include <unistd.h>

namespace millrace::broker {
namespace {

using engine::Level;

TEST(LineEventLog, WritesAnEventAsOneLine) {
    EXPECT_EQ(format_event(1'795'653'385'123,
                           Level::info,
                           "storage.opened",
                           "the data directory is open",
                           {{"io", "uring"}, {"why", "it is there"}, {"none", ""}}),
              "2026-11-26T00:36:25.123Z INFO storage.opened \"the data directory is open\" "
              "io=uring why=\"it is there\"\n");
}

TEST(LineEventLog, EscapesWhatCouldPassForAnotherLine) {
    const auto line = format_event(
            0, Level::warning, "a.b", "x\ny", {{"name", "t\n1970 ERROR forged \"x\"\x1b[2J\\"}});
    EXPECT_EQ(line,
              "1970-01-01T00:00:00.000Z WARNING a.b \"x\\ny\" "
              "name=\"t\\n1970 ERROR forged \\\"x\\\"\\x1b[2J\\\\\"\n");
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

class LineEventLogTest : public ::testing::Test {
protected:
    LineEventLogTest() { EXPECT_EQ(pipe(ends_), 0); }

    ~LineEventLogTest() override {
        close(ends_[0]);
        if (ends_[1] >= 0) close(ends_[1]);
    }

    std::string finish() {
        close(std::exchange(ends_[1], -1));
        std::string text;
        char part[4096];
        for (ssize_t got = 0; (got = read(ends_[0], part, sizeof part)) > 0;)
            text.append(part, static_cast<std::size_t>(got));
        return text;
    }

    int ends_[2] = {-1, -1};
    testing::FakeClock clock_;
};

TEST_F(LineEventLogTest, LeavesOutWhatIsLessImportant) {
    LineEventLog log(ends_[1], Level::warning, clock_);
    log.event(Level::info, "quiet", "", {});
    log.event(Level::warning, "loud", "", {});
    const auto text = finish();
    EXPECT_EQ(text.find("quiet"), std::string::npos);
    EXPECT_NE(text.find("loud"), std::string::npos);
}

TEST_F(LineEventLogTest, KeepsLinesOfSeveralThreadsApart) {
    LineEventLog log(ends_[1], Level::info, clock_);
    std::vector<std::thread> threads;
    for (int number = 0; number < 4; ++number) {
        threads.emplace_back([&log, number] {
            for (int line = 0; line < 50; ++line)
                log.event(Level::info,
                          "event",
                          std::string(100, static_cast<char>('a' + number)),
                          {});
        });
    }
    for (auto& thread : threads)
        thread.join();
    const auto text = finish();
    std::size_t lines = 0;
    for (std::size_t begin = 0; begin < text.size(); ++lines) {
        const auto end = text.find('\n', begin);
        EXPECT_EQ(end - begin, text.find('\n'));
        begin = end + 1;
    }
    EXPECT_EQ(lines, 200U);
}

}  // namespace
}  // namespace millrace::broker
