// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/opened_data.h"

#include "broker/broker.h"

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace millrace::broker {

namespace {

std::unexpected<Refusal> refused(std::string sentence, int status = kExitRefused) {
    return std::unexpected(Refusal{status, std::move(sentence)});
}

std::unexpected<Refusal> not_opened(const std::string& directory, const engine::Error& error) {
    if (error.code == engine::Errc::locked) {
        return refused("the data directory " + directory + " is locked: another broker uses it");
    }
    if (error.os_errno == 0) {
        return refused("the data directory " + directory + " cannot be used: " + text_of(error));
    }
    // A disk that fails is another matter than a path that is wrong.
    return refused(unusable_directory(directory, {error.os_errno, std::generic_category()}),
                   error.os_errno == EIO ? kExitFailed : kExitRefused);
}

int exit_status_of(engine::Errc code) {
    switch (code) {
        case engine::Errc::damaged_wal:
        case engine::Errc::damaged_range:
        case engine::Errc::unknown_topic_id:
        case engine::Errc::newer_format:
        case engine::Errc::foreign_directory:
        case engine::Errc::locked:
            return kExitRefused;
        default:
            return kExitFailed;
    }
}

}  // namespace

std::string text_of(const engine::Error& error) {
    std::string text(engine::name_of(error.code));
    if (error.os_errno != 0) text += std::string(": ") + std::strerror(error.os_errno);
    return text;
}

Refusal failed_start(const std::filesystem::path& directory,
                     std::string_view cannot_be,
                     const engine::Error& error) {
    const bool full = error.code == engine::Errc::storage_full;
    const std::error_code why(full ? ENOSPC : error.os_errno, std::generic_category());
    const auto advice = advice_on(why);
    std::string sentence = "the data directory " + directory.string() + " ";
    sentence.append(cannot_be).append(": ");
    sentence += advice.empty() ? text_of(error) : why.message();
    return {advice.empty() ? exit_status_of(error.code) : kExitRefused, sentence.append(advice)};
}

std::expected<OpenedData, Refusal> open_data(NodeOptions& options, engine::EventLog& events) {
    auto exposure = check_exposure(options);
    if (!exposure) return refused(exposure.error());
    const auto& directory = options.data_directory;
    if (auto checked = check_data_directory(directory, options.node_id); !checked) {
        return refused(checked.error());
    }
    auto root = engine::StorageRoot::open(
            directory, {.io = options.io, .lock_wait = options.lock_wait}, events);
    if (!root) return not_opened(directory.string(), root.error());
    auto sizes = derive_sizes(options, (*root)->filesystem_bytes());
    if (!sizes) return refused(sizes.error());
    adopt_sizes(options, *sizes);
    auto identity = open_identity(directory, options.node_id);
    if (!identity) return refused(identity.error());
    return OpenedData{.exposure = std::move(*exposure),
                      .root = std::move(*root),
                      .identity = *identity,
                      .sizes = *sizes};
}

}  // namespace millrace::broker
