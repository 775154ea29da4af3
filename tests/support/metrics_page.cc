// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/metrics_page.h"

#include "tests/support/http_get.h"

#include <sstream>

namespace millrace::testing {

double metric(const std::string& address, const std::string& series) {
    std::istringstream page(http_get(address, "/metrics").body);
    for (std::string line; std::getline(page, line);) {
        if (line.starts_with(series + " ")) return std::stod(line.substr(series.size() + 1));
    }
    return -1;
}

}  // namespace millrace::testing
