// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Connections of the broker in the test's own process, on real sockets and a fake clock: for items
// in which time passes, and to hear the reason of a close.
#pragma once

#include "tests/broker/net/loop_fixture.h"

namespace millrace::testing {

class ConnectionLoop final : public broker::LoopTest {
public:
    using LoopTest::at_end;
    using LoopTest::budget_;
    using LoopTest::closed_with;
    using LoopTest::connect;
    using LoopTest::connect_tcp;
    using LoopTest::events_;
    using LoopTest::handler_;
    using LoopTest::pass;
    using LoopTest::read;
    using LoopTest::request;
    using LoopTest::responses_;
    using LoopTest::settle;
    using LoopTest::start;
    using LoopTest::turn;
    using LoopTest::turn_until;
    using LoopTest::write;

private:
    void TestBody() override {}
};

}  // namespace millrace::testing
