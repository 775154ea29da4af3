// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What the file system of a data directory is and can do.
#pragma once

#include <cstdint>
#include <string>

namespace millrace::engine {

struct FileSystemFacts {
    std::string type;    // "ext4"; "unknown" where the kernel does not say.
    std::string source;  // "/dev/vda1"; empty where the kernel does not say.
    std::uint64_t bytes = 0;
    bool remote = false;  // NFS and the like: their locks and flushes promise less.
    bool copy_on_write = false;

    bool direct = false;  // Takes O_DIRECT in blocks of kBlockBytes.
    std::string direct_why;
    std::uint32_t alignment = 0;  // Of direct I/O, bytes.
};

// `lock`: name of a file of the directory, of at least a block, that may be written as it is.
[[nodiscard]] FileSystemFacts probe_file_system(int directory, const char* lock);

}  // namespace millrace::engine
