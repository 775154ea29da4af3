// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The wall clock of a child process, moved while it runs (libfaketime). Its monotonic clock, which
// no administrator can set either, stays what it is.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace millrace::testing {

class FakedClock {
public:
    // `folder` holds the file that says how late it is.
    explicit FakedClock(const std::filesystem::path& folder);

    // For the process whose clock it is.
    [[nodiscard]] std::map<std::string, std::string> environment() const;

    // From now on the process's clock is so far off the right time: "+10y", "-1h"; "+0": not.
    void set(const std::string& offset) const;

    // Where it lies on this machine; empty: nowhere.
    [[nodiscard]] static std::filesystem::path library();

private:
    std::filesystem::path file_;
};

}  // namespace millrace::testing
