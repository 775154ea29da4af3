// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A data directory that this process has locked, with what follows from it and the options: the
// part of a start that can be refused before anything runs.
#pragma once

#include "broker/config/derived_sizes.h"
#include "broker/runtime/data_identity.h"
#include "broker/runtime/exposure.h"
#include "engine/event_log.h"
#include "engine/storage_root.h"

#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace millrace::broker {

struct OpenedData {
    Exposure exposure;
    std::unique_ptr<engine::StorageRoot> root;
    DataIdentity identity;
    DerivedSizes sizes;
};

// Why a start ends, and how.
struct Refusal {
    int status = 0;  // The exit status.
    std::string sentence;
};

// Checks addresses and directory, locks it (waiting as long as the options say), and sets sizes
// that the options leave open.
[[nodiscard]] std::expected<OpenedData, Refusal> open_data(NodeOptions& options,
                                                           engine::EventLog& events);

// Why a start ends for which `directory` "cannot be" something, and what to do.
[[nodiscard]] Refusal failed_start(const std::filesystem::path& directory,
                                   std::string_view cannot_be,
                                   const engine::Error& error);

// "io_failed: No space left on device"
[[nodiscard]] std::string text_of(const engine::Error& error);

}  // namespace millrace::broker
