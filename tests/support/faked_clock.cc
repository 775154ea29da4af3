// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/faked_clock.h"

#include <fstream>

namespace millrace::testing {

namespace fs = std::filesystem;

FakedClock::FakedClock(const fs::path& folder) : file_(folder / "clock") {
    set("+0");
}

std::map<std::string, std::string> FakedClock::environment() const {
    return {{"LD_PRELOAD", library()},
            {"FAKETIME_TIMESTAMP_FILE", file_},
            {"FAKETIME_NO_CACHE", "1"},
            {"FAKETIME_DONT_FAKE_MONOTONIC", "1"},
            {"DONT_FAKE_MONOTONIC", "1"},  // Its name in older versions.
            {"NO_FAKE_STAT", "1"}};
}

// In one step, so that a half written file is never read.
void FakedClock::set(const std::string& offset) const {
    auto temporary = file_;
    temporary += ".new";
    std::ofstream(temporary) << offset << "\n";
    fs::rename(temporary, file_);
}

fs::path FakedClock::library() {
    // Debian puts it below the architecture's own folder, others do not.
    for (const fs::path folder : {"/usr/lib", "/usr/lib64", "/usr/local/lib"}) {
        const auto in = [](const fs::path& where) {
            const auto found = where / "faketime" / "libfaketimeMT.so.1";
            return fs::exists(found) ? found : fs::path();
        };
        if (const auto found = in(folder); !found.empty()) return found;
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(folder, ignored)) {
            if (const auto found = in(entry.path()); !found.empty()) return found;
        }
    }
    return {};
}

}  // namespace millrace::testing
