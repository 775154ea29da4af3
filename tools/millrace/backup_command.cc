// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/backup_command.h"

#include "tools/backup/backup_writer.h"
#include "tools/backup/data_directory.h"
#include "tools/backup/staging.h"
#include "tools/millrace/interrupt.h"
#include "tools/millrace/json_document.h"
#include "tools/millrace/progress.h"
#include "tools/millrace/quantity.h"
#include "tools/millrace/table.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <expected>
#include <random>
#include <thread>

namespace millrace::cli {

namespace {

using Json = nlohmann::ordered_json;
using backup::Manifest;
using backup::PartitionCut;

// Names of their failures, for scripts.
constexpr std::string_view kBackup = "backup_failed";
constexpr std::string_view kRestore = "restore_failed";

// Where retention or compaction takes records away meanwhile the partition is begun anew.
constexpr int kAttempts = 100;
constexpr std::chrono::milliseconds kPause{50};

ExitCode fail_files(const Session& session, std::string_view name, const std::string& message) {
    if (message == backup::kInterrupted) return ExitCode::interrupted;
    return fail(session, Failure{ExitCode::failed, std::string(name), message, ""});
}

// The broker's data directory, when it is at hand here; else what to exit with.
std::expected<std::string, ExitCode> data_directory(const Session& session,
                                                    Admin& admin,
                                                    const ClusterDescription& cluster) {
    const auto config = admin.broker_config({"node.data_dir"});
    if (!config) return std::unexpected(fail(session, config.error()));
    const auto data = config->empty() ? std::string() : config->front().value;
    if (const auto found = backup::find_data(data, cluster.id.to_string()); !found) {
        return std::unexpected(fail(session,
                                    Failure{ExitCode::failed,
                                            "data_not_here",
                                            found.error(),
                                            "Run this on the broker's machine, as the user that it "
                                            "runs as."}));
    }
    return data;
}

Json cut_json(const PartitionCut& cut) {
    return {{"partition", cut.partition},
            {"start_offset", cut.start_offset},
            {"end_offset", cut.end_offset}};
}

// One backup on its way.
class BackupRun {
public:
    BackupRun(const Session& session, Admin& admin, const TopicBackupOptions& options)
            : session_(session), admin_(admin), options_(options) {}

    ExitCode run() {
        const auto topic = admin_.describe_topic(options_.topic);
        if (!topic) return fail(session_, topic.error(), options_.topic);
        const auto cluster = admin_.describe_cluster();
        if (!cluster) return fail(session_, cluster.error());
        const auto data = data_directory(session_, admin_, *cluster);
        if (!data) return data.error();
        manifest_.topic = topic->name;
        manifest_.topic_id = topic->id.to_string();
        manifest_.cluster_id = cluster->id.to_string();
        manifest_.created = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
        if (const auto taken = take_config(); !taken) return fail(session_, taken.error());
        engine::TopicId id;
        id.bytes = topic->id.bytes;
        backup::BackupWriter writer(options_.directory, topic->name, id);
        if (const auto begun = writer.begin(); !begun) {
            return fail(session_,
                        Failure{ExitCode::exists,
                                "directory_not_empty",
                                begun.error(),
                                "Name a directory that is not there yet."});
        }
        return copy_all(writer, *data);
    }

private:
    Result<void> take_config() {
        const auto entries = admin_.topic_config(options_.topic);
        if (!entries) return entries.error();
        for (const auto& entry : *entries) {
            if (entry.source != ConfigSource::topic) continue;
            manifest_.config.emplace_back(entry.key, entry.value);
        }
        return {};
    }

    ExitCode copy_all(backup::BackupWriter& writer, const std::string& data) {
        const auto offsets = admin_.topic_offsets(options_.topic);
        if (!offsets) return fail(session_, offsets.error(), options_.topic);
        std::uint64_t records = 0;
        for (const auto& row : *offsets)
            records += static_cast<std::uint64_t>(row.end_offset - row.start_offset);
        Progress progress("backup", records, "records");
        for (const auto& row : *offsets) {
            const auto code = copy(writer, data, row.partition, progress);
            if (code != ExitCode::ok) return code;
        }
        if (const auto finished = writer.finish(manifest_); !finished) {
            return fail_files(session_, kBackup, finished.error());
        }
        return put_out(session_, session_.scripted() ? json() : text());
    }

    ExitCode copy(backup::BackupWriter& writer,
                  const std::string& data,
                  std::uint32_t partition,
                  Progress& progress) {
        for (int attempt = 0; attempt < kAttempts; ++attempt) {
            if (attempt > 0) std::this_thread::sleep_for(kPause);
            const auto before = offsets_of(partition);
            if (!before) return fail(session_, before.error(), options_.topic);
            const auto begun = writer.begin_partition(data, partition, before->start_offset);
            if (!begun) return fail_files(session_, kBackup, begun.error());
            if (interrupted()) return ExitCode::interrupted;
            if (!*begun) continue;
            const auto after = offsets_of(partition);
            if (!after) return fail(session_, after.error(), options_.topic);
            const PartitionCut cut{partition,
                                   after->start_offset,
                                   std::max(after->end_offset, writer.next_offset())};
            writer.move_start(cut.start_offset);
            const auto copied = copy_tail(writer, cut, progress);
            if (interrupted()) return ExitCode::interrupted;
            if (!copied) {
                if (copied.error().code == ErrorCode::offset_out_of_range) continue;
                return fail(session_, copied.error(), options_.topic);
            }
            if (!*copied) continue;
            manifest_.partitions.push_back(cut);
            return end(writer);
        }
        return fail_files(session_,
                          kBackup,
                          fmt::format("Retention or compaction was faster than the copy of "
                                      "partition {}, time and again.",
                                      partition));
    }

    Result<PartitionOffsets> offsets_of(std::uint32_t partition) {
        auto offsets = admin_.topic_offsets(options_.topic);
        if (!offsets) return offsets.error();
        if (partition >= offsets->size()) {
            return Error{ErrorCode::unknown_partition, "The partition is not there any more."};
        }
        auto& row = (*offsets)[partition];
        if (row.error.code != ErrorCode::none) return row.error;
        return row;
    }

    // What is not sealed comes from the broker. False: it is not all there any more.
    Result<bool> copy_tail(backup::BackupWriter& writer,
                           const PartitionCut& cut,
                           Progress& progress) {
        while (writer.next_offset() < cut.end_offset && !interrupted()) {
            const auto offset = writer.next_offset();
            const auto batches = admin_.read_batches({options_.topic, cut.partition}, offset);
            if (!batches) return batches.error();
            const auto added = writer.add(batches->bytes, cut.end_offset);
            if (!added) return Error{ErrorCode::corrupt_batch, added.error()};
            if (!*added || writer.next_offset() == offset) return false;
            progress.update(done_ +
                            static_cast<std::uint64_t>(writer.next_offset() - cut.start_offset));
        }
        done_ += static_cast<std::uint64_t>(cut.end_offset - cut.start_offset);
        progress.update(done_);
        return true;
    }

    ExitCode end(backup::BackupWriter& writer) {
        const auto copied = writer.end_partition();
        if (!copied) return fail_files(session_, kBackup, copied.error());
        copied_.push_back(*copied);
        return ExitCode::ok;
    }

    [[nodiscard]] std::string json() const {
        Json document{{"topic", manifest_.topic},
                      {"directory", options_.directory},
                      {"partitions", Json::array()}};
        for (std::size_t i = 0; i < copied_.size(); ++i) {
            auto row = cut_json(manifest_.partitions[i]);
            row["linked_bytes"] = copied_[i].linked_bytes;
            row["copied_bytes"] = copied_[i].copied_bytes;
            document["partitions"].push_back(std::move(row));
        }
        return json_text(session_, document);
    }

    [[nodiscard]] std::string text() const {
        Table table({"PARTITION", "START", "END", "LINKED", "COPIED"});
        for (std::size_t i = 0; i < copied_.size(); ++i) {
            const auto& cut = manifest_.partitions[i];
            table.add({std::to_string(cut.partition),
                       count_text(static_cast<std::uint64_t>(cut.start_offset)),
                       count_text(static_cast<std::uint64_t>(cut.end_offset)),
                       size_text(copied_[i].linked_bytes),
                       size_text(copied_[i].copied_bytes)});
        }
        return fmt::format("{} is backed up in {}\n\n", manifest_.topic, options_.directory) +
               table.text();
    }

    const Session& session_;
    Admin& admin_;
    const TopicBackupOptions& options_;
    Manifest manifest_;
    std::vector<backup::PartitionCopied> copied_;
    std::uint64_t done_ = 0;  // Records.
};

std::string random_name() {
    std::random_device random;
    return fmt::format("{:08x}{:08x}", random(), random());
}

std::string restored_text(const Session& session, const TopicOutcome& topic, const Manifest& from) {
    auto rows = Json::array();
    Table table({"PARTITION", "START", "END"});
    for (const auto& cut : from.partitions) {
        rows.push_back(cut_json(cut));
        table.add({std::to_string(cut.partition),
                   count_text(static_cast<std::uint64_t>(cut.start_offset)),
                   count_text(static_cast<std::uint64_t>(cut.end_offset))});
    }
    if (session.scripted()) {
        return json_text(
                session,
                Json{{"name", topic.name}, {"id", topic.id.to_string()}, {"partitions", rows}});
    }
    return fmt::format("{} is restored from the backup of {}, {}\n\n",
                       topic.name,
                       from.topic,
                       from.created) +
           table.text();
}

}  // namespace

ExitCode backup_topic(const Session& session, const TopicBackupOptions& options) {
    watch_for_interrupts();
    auto admin = session.admin();
    if (!admin) return fail(session, admin.error());
    return BackupRun(session, *admin, options).run();
}

ExitCode restore_topic(const Session& session, const TopicRestoreOptions& options) {
    watch_for_interrupts();
    const auto manifest = backup::read_manifest(options.directory);
    if (!manifest) return fail_files(session, kRestore, manifest.error());
    auto admin = session.admin();
    if (!admin) return fail(session, admin.error());
    NewTopic topic{options.as.empty() ? manifest->topic : options.as,
                   static_cast<std::uint32_t>(manifest->partitions.size()),
                   manifest->config};
    // Before anything is copied: whether there could be such a topic.
    if (const auto could = admin->create_topic(topic, true); !could) {
        return fail(session, could.error(), topic.name);
    }
    const auto cluster = admin->describe_cluster();
    if (!cluster) return fail(session, cluster.error());
    const auto data = data_directory(session, *admin, *cluster);
    if (!data) return data.error();
    const auto goes_on = [](Progress& progress) {
        return [&progress](std::uint64_t bytes) {
            progress.update(bytes);
            return !interrupted();
        };
    };
    {
        Progress progress("verify", 0, "bytes");
        const auto checked = backup::check(options.directory, *manifest, goes_on(progress));
        if (!checked) return fail_files(session, kRestore, checked.error());
    }
    backup::Staging staging(*data, random_name());
    {
        Progress progress("copy", 0, "bytes");
        const auto filled = staging.fill(options.directory, goes_on(progress));
        if (!filled) return fail_files(session, kRestore, filled.error());
    }
    const auto restored = admin->restore_topic(topic, staging.name());
    if (!restored) return fail(session, restored.error(), topic.name);
    return put_out(session, restored_text(session, *restored, *manifest));
}

}  // namespace millrace::cli
