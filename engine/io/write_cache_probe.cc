// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/io/write_cache_probe.h"

#include <fmt/format.h>

#include <fstream>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <system_error>

namespace millrace::engine {

namespace {

std::string first_line(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

}  // namespace

std::string_view name_of(WriteCache cache) noexcept {
    switch (cache) {
        case WriteCache::write_back:
            return "write back";
        case WriteCache::write_through:
            return "write through";
        case WriteCache::unknown:
            break;
    }
    return "unknown";
}

WriteCacheFacts read_write_cache(unsigned major, unsigned minor, const std::filesystem::path& sys) {
    // A link to the directory of the device; that of a partition lies inside its disk's.
    std::error_code error;
    auto device = std::filesystem::canonical(sys / "dev/block" / fmt::format("{}:{}", major, minor),
                                             error);
    if (error) return {};
    if (std::filesystem::exists(device / "partition", error)) device = device.parent_path();
    WriteCacheFacts facts;
    const auto cache = first_line(device / "queue/write_cache");
    if (cache == "write through") facts.cache = WriteCache::write_through;
    if (cache == "write back") facts.cache = WriteCache::write_back;
    facts.force_unit_access = first_line(device / "queue/fua") == "1";
    return facts;
}

WriteCacheFacts probe_write_cache(int directory,
                                  const std::string& source,
                                  const std::filesystem::path& sys) {
    struct stat status {};

    if (::fstat(directory, &status) != 0) return {};
    if (major(status.st_dev) != 0) {
        return read_write_cache(major(status.st_dev), minor(status.st_dev), sys);
    }

    struct stat device {};

    if (!source.starts_with('/') || ::stat(source.c_str(), &device) != 0) return {};
    if (!S_ISBLK(device.st_mode)) return {};
    return read_write_cache(major(device.st_rdev), minor(device.st_rdev), sys);
}

}  // namespace millrace::engine
