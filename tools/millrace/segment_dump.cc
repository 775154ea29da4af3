// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/segment_dump.h"

#include "tools/millrace/interrupt.h"
#include "tools/millrace/json_rows.h"
#include "tools/millrace/json_text.h"
#include "tools/millrace/segment_command.h"
#include "tools/millrace/standard_error.h"
#include "tools/millrace/standard_output.h"
#include "tools/segment/batch_fault.h"
#include "tools/segment/segment_reader.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace millrace::cli {

namespace {

using engine::BatchView;
using segment::StoredSegment;

std::string_view codec_name(const BatchView& batch) {
    constexpr std::array<std::string_view, 5> kNames{"none", "gzip", "snappy", "lz4", "zstd"};
    const std::size_t codec = batch.attributes() & engine::kCodecMask;
    return codec < kNames.size() ? kNames.at(codec) : "unknown";
}

std::string_view text_of(engine::Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::optional<std::string_view> text_of(const std::optional<engine::Bytes>& bytes) {
    return bytes ? std::optional(text_of(*bytes)) : std::nullopt;
}

// What a partition's folder is called: <topic>-<partition>.
struct FolderName {
    explicit FolderName(std::string name) : topic(std::move(name)) {
        const auto dash = topic.rfind('-');
        if (dash == std::string::npos) return;
        std::from_chars(topic.data() + dash + 1, topic.data() + topic.size(), partition);
        topic.resize(dash);
    }

    std::string topic;
    std::uint32_t partition = 0;
};

class Dump {
public:
    Dump(const Session& session, const SegmentDumpOptions& options)
            : context_(session), options_(options), rows_(session.output) {}

    ExitCode run(const segment::StoredSegments& found) {
        for (const auto& each : found.segments) {
            if (interrupted()) break;
            if (!add(each)) return fail_output(context_, out_.error());
        }
        rows_.end(out_.buffer());
        if (!out_.flush()) return fail_output(context_, out_.error());
        if (interrupted()) return ExitCode::interrupted;
        return damaged_ ? ExitCode::failed : ExitCode::ok;
    }

private:
    // False: the output takes no more.
    bool add(const StoredSegment& from) {
        if (!context_.scripted() && !options_.records) out_.buffer() += from.file.string() + "\n";
        auto reader = segment::SegmentReader::open(from.file, from.bytes);
        if (!reader) {
            say_damage(from, 0, reader.error());
            return true;
        }
        while (!interrupted()) {
            const auto position = reader->position();
            const auto batch = reader->next();
            if (!batch) say_damage(from, position, batch.error());
            if (!batch || !*batch) return true;
            std::uint64_t records = 0;
            const auto fault = segment::fault_of(**batch, records_, records);
            if (fault) say_damage(from, position, *fault);
            if (!options_.records) {
                add_batch(from, **batch, position, !fault);
            } else if (!fault) {
                add_records(from, **batch);
            }
            if (!out_.flush_if_large()) return false;
        }
        return true;
    }

    void say_damage(const StoredSegment& from, std::uint64_t position, std::string_view reason) {
        damaged_ = true;
        say(fmt::format("millrace: {}, byte {}: {}\n", from.file.string(), position, reason));
    }

    void add_batch(const StoredSegment& from,
                   const BatchView& batch,
                   std::uint64_t position,
                   bool sound) {
        auto& to = out_.buffer();
        rows_.begin_row(to);
        to += context_.scripted() ? batch_json(from, batch, position, sound)
                                  : batch_text(batch, position, sound);
        rows_.end_row(to);
    }

    static std::string batch_text(const BatchView& batch, std::uint64_t position, bool sound) {
        return fmt::format(
                "  byte {}: offsets {} to {}, {} records, {} bytes, {}, time {}, epoch {}{}\n",
                position,
                batch.base_offset().value,
                batch.last_offset().value,
                batch.record_count(),
                batch.size(),
                codec_name(batch),
                batch.max_timestamp(),
                batch.leader_epoch(),
                sound ? "" : ", DAMAGED");
    }

    static std::string batch_json(const StoredSegment& from,
                                  const BatchView& batch,
                                  std::uint64_t position,
                                  bool sound) {
        return nlohmann::ordered_json{{"file", from.file.string()},
                                      {"position", position},
                                      {"size_bytes", batch.size()},
                                      {"base_offset", batch.base_offset().value},
                                      {"last_offset", batch.last_offset().value},
                                      {"records", batch.record_count()},
                                      {"codec", codec_name(batch)},
                                      {"max_timestamp", batch.max_timestamp()},
                                      {"leader_epoch", batch.leader_epoch()},
                                      {"producer_id", batch.producer_id()},
                                      {"attributes", batch.attributes()},
                                      {"sound", sound}}
                .dump();
    }

    void add_records(const StoredSegment& from, const BatchView& batch) {
        const FolderName folder(from.file.parent_path().filename().string());
        if (!records_.open(batch, segment::kBatchBytesMax)) return;
        for (auto item = records_.next(); item && *item; item = records_.next()) {
            const auto& record = (**item).record;
            RecordView view;
            view.topic = folder.topic;
            view.partition = folder.partition;
            view.offset = (**item).offset.value;
            view.timestamp_ms = (**item).timestamp;
            view.key = text_of(record.key);
            view.value = text_of(record.value);
            view.headers = HeadersView(text_of(record.headers),
                                       static_cast<std::uint32_t>(record.header_count));
            add_record(view);
        }
    }

    void add_record(const RecordView& record) {
        auto& to = out_.buffer();
        rows_.begin_row(to);
        context_.scripted() ? append_json_record(to, record) : options_.format.append(to, record);
        rows_.end_row(to);
    }

    const Session& context_;
    const SegmentDumpOptions& options_;
    JsonRows rows_;
    StandardOutput out_;
    engine::BatchReader records_;
    bool damaged_ = false;
};

}  // namespace

ExitCode dump_segments(const Session& session, const SegmentDumpOptions& options) {
    const auto found = segments_of(session, options.path);
    return found ? Dump(session, options).run(*found) : found.error();
}

}  // namespace millrace::cli
