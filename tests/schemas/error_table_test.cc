// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "schemas/error_generated.h"
#include "schemas/wire/errors.h"

#include <gtest/gtest.h>

#include <iterator>
#include <string>

namespace millrace::wire {
namespace {

TEST(ErrorTable, HasTheNumbersAndNamesOfTheSchema) {
    std::size_t rows = 0;
    for (const auto value : EnumValuesError()) {
        const auto& row = row_of(static_cast<ErrorCode>(value));
        EXPECT_EQ(row.name, EnumNameError(value));
        EXPECT_EQ(static_cast<int>(row.code), static_cast<int>(value));
        ++rows;
    }
    EXPECT_EQ(rows, std::size(kErrorRows));
}

TEST(ErrorTable, ReadsANumberOfALaterVersionAsUnknown) {
    EXPECT_EQ(row_of(static_cast<ErrorCode>(60000)).name, "unknown_server_error");
}

}  // namespace
}  // namespace millrace::wire
