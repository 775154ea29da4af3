// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/backup/backup_writer.h"

#include "engine/format/checkpoint_codec.h"
#include "engine/format/file_names.h"
#include "engine/format/partition_metadata.h"
#include "tools/backup/sealed_links.h"

#include <fmt/format.h>

#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace millrace::backup {

namespace {

namespace fs = std::filesystem;

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

}  // namespace

BackupWriter::BackupWriter(fs::path directory, std::string topic, engine::TopicId id)
        : directory_(std::move(directory)), topic_(std::move(topic)), id_(id) {
    checkpoint_.number = 1;
    checkpoint_.clean = true;
}

BackupWriter::~BackupWriter() {
    if (!made_) return;
    std::error_code error;
    fs::remove_all(directory_, error);
}

Outcome<void> BackupWriter::begin() {
    std::error_code error;
    if (fs::exists(directory_, error) && !fs::is_empty(directory_, error)) {
        return std::unexpected(fmt::format("{} is not empty.", directory_.string()));
    }
    if (auto made = make_directory(directory_ / engine::kTopicsDirectory); !made) return made;
    made_ = true;
    return {};
}

Outcome<bool> BackupWriter::begin_partition(const fs::path& data,
                                            std::uint32_t partition,
                                            std::int64_t start) {
    const auto name = fmt::format("{}-{}", topic_, partition);
    folder_ = directory_ / engine::kTopicsDirectory / name;
    std::error_code error;
    fs::remove_all(folder_, error);
    if (auto made = make_directory(folder_); !made) return std::unexpected(made.error());
    auto links = link_sealed(data, name, {id_, partition}, engine::Offset(start), folder_);
    if (!links) return std::unexpected(links.error());
    if (!*links) return false;
    copied_ = {(*links)->linked_bytes, (*links)->copied_bytes};
    row_ = std::move((*links)->row);
    tail_ = std::make_unique<TailFile>(folder_, row_);
    if (auto written = write_metadata(); !written) return std::unexpected(written.error());
    return true;
}

Outcome<void> BackupWriter::write_metadata() const {
    return write_synced(folder_ / engine::kPartitionMetadataName,
                        bytes_of(engine::encode_partition_metadata(id_)));
}

void BackupWriter::move_start(std::int64_t start) noexcept {
    row_.log_start = engine::Offset(start);
    if (row_.segments.empty()) row_.flushed_offset = row_.log_start;
}

Outcome<bool> BackupWriter::add(std::string_view batches, std::int64_t cut) {
    return tail_->add(bytes_of(batches), engine::Offset(cut));
}

Outcome<PartitionCopied> BackupWriter::end_partition() {
    if (auto finished = tail_->finish(); !finished) return std::unexpected(finished.error());
    copied_.copied_bytes += tail_->bytes();
    tail_ = nullptr;
    if (auto synced = sync_directory(folder_); !synced) return std::unexpected(synced.error());
    checkpoint_.partitions.push_back(std::move(row_));
    row_ = {};
    return copied_;
}

Outcome<void> BackupWriter::finish(const Manifest& manifest) {
    std::vector<std::byte> slot;
    engine::encode_checkpoint(checkpoint_, slot);
    if (auto written = write_synced(directory_ / engine::kCheckpointSlots[0], slot); !written) {
        return written;
    }
    const auto topics = directory_ / engine::kTopicsDirectory;
    if (auto synced = sync_directory(topics); !synced) return synced;
    if (auto synced = sync_directory(directory_); !synced) return synced;
    if (auto written = write_synced(directory_ / kManifestName, bytes_of(text_of(manifest)));
        !written) {
        return written;
    }
    if (auto synced = sync_directory(directory_); !synced) return synced;
    const auto above = fs::absolute(directory_).lexically_normal().parent_path();
    if (auto synced = sync_directory(above); !synced) return synced;
    made_ = false;
    return {};
}

}  // namespace millrace::backup
