// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/observe/label_cap.h"

#include <gmock/gmock.h>

namespace millrace::broker {
namespace {

using ::testing::ElementsAre;

TEST(LabelCap, AdmitsWhatThereIsRoomFor) {
    LabelCap cap(2);
    EXPECT_THAT(cap.admit({"a", "b", "c"}), ElementsAre("a", "b"));
}

TEST(LabelCap, KeepsAValueThatOthersCameBefore) {
    LabelCap cap(2);
    static_cast<void>(cap.admit({"m", "n"}));
    EXPECT_THAT(cap.admit({"a", "b", "m", "n"}), ElementsAre("m", "n"));
}

TEST(LabelCap, GivesThePlaceOfAValueThatIsGoneToAnother) {
    LabelCap cap(2);
    static_cast<void>(cap.admit({"m", "n"}));
    EXPECT_THAT(cap.admit({"a", "b", "n"}), ElementsAre("a", "n"));
}

}  // namespace
}  // namespace millrace::broker
