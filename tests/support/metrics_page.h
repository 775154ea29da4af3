// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace millrace::testing {

// One series of a broker's /metrics, named as it is there; -1 when there is no such series.
// `address`: of its HTTP listener.
double metric(const std::string& address, const std::string& series);

}  // namespace millrace::testing
