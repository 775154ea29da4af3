// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What must be true of logs after a crash: the reference that recovered logs are held against. It
// knows every batch that was ever appended, in order, and how many of them were promised to whom.
#pragma once

#include "engine/log.h"
#include "engine/types.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace millrace::testing {

// How a run ended.
enum class Ending : std::uint8_t {
    power_cut,  // What is flushed is there.
    killed,     // What is written is there: the machine lives on.
    stopped,    // A clean stop: everything is there.
};

struct ModelBatch {
    engine::Offset base;
    engine::Offset end;
    std::vector<std::byte> bytes;  // As it was appended, with its base offset.
    std::uint64_t atomic = 0;      // The atomic append that it is a part of; 0: none.
};

// One partition. A copy costs a pointer per batch.
class ModelLog {
public:
    ModelLog(const engine::PartitionKey& partition,
             std::string directory_name,
             const engine::LogConfig& log_config)
            : key(partition), directory(std::move(directory_name)), config(log_config) {}

    // The engine gave `batch` its offset. Complaints go to `wrong`.
    void appended(engine::Offset base,
                  engine::Bytes batch,
                  std::vector<std::string>& wrong,
                  std::uint64_t atomic = 0);

    // The last batch, which was to go to `base`, was refused.
    void refused(engine::Offset base);

    // Somebody was told that everything below `end` has reached this state.
    void promised(engine::Durability state, engine::Offset end);

    // Somebody asked for this log start, or has seen it: then it does not go back.
    void start_asked(engine::Offset start);
    void start_seen(engine::Offset start);

    [[nodiscard]] engine::Offset start() const { return start_; }

    // A run ended so: promises that did not outlast it are void, whatever ends the next run.
    void ended(Ending ending);

    // Batches that must have survived.
    [[nodiscard]] std::size_t required(Ending ending) const;

    // Holds what was read of a recovered log, all of it from its start, against the promises.
    void check_recovered(Ending ending,
                         const engine::LogOffsets& offsets,
                         engine::Bytes read,
                         std::vector<std::string>& wrong) const;

    // Holds what was read from `from` of a log that runs against what was appended.
    void check_read(engine::Offset from, engine::Bytes read, std::vector<std::string>& wrong) const;

    // The same of a compacted log, of which everything from `from` to `to` was read: what is there
    // was appended there, and what is missing has a later record of its key below `visible`.
    void check_compacted(engine::Offset from,
                         engine::Offset to,
                         engine::Offset visible,
                         engine::Bytes read,
                         std::vector<std::string>& wrong) const;

    // Another run goes on with this much; readers may see all of it, so all of it is promised.
    void continue_from(engine::Offset log_start, engine::Offset log_end);

    [[nodiscard]] engine::Offset end() const;

    // The last of its batches, at most `count`, in order.
    [[nodiscard]] std::vector<std::shared_ptr<const ModelBatch>> last_batches(
            std::size_t count) const;

    // Of the batch that its producer sends next.
    [[nodiscard]] std::int32_t next_sequence() const;

    [[nodiscard]] const std::vector<std::shared_ptr<const ModelBatch>>& batches() const {
        return batches_;
    }

    // Some batch that lies below `end`; null: there is none.
    [[nodiscard]] const ModelBatch* batch_below(engine::Offset end, std::uint64_t random) const;

    engine::PartitionKey key;
    std::string directory;
    engine::LogConfig config;

private:
    [[nodiscard]] std::size_t batches_below(engine::Offset end) const;
    [[nodiscard]] bool may_start_at(engine::Offset start) const;
    [[nodiscard]] std::string complain(const std::string& what, engine::Offset at) const;

    std::vector<std::shared_ptr<const ModelBatch>> batches_;
    engine::Offset ends_[3];  // By Durability.
    engine::Offset start_;
    std::vector<engine::Offset> starts_asked_;
};

using Model = std::vector<ModelLog>;

// Of every atomic append all parts lie below the ends of their logs, or none does.
void check_atomic(const Model& model,
                  const std::vector<engine::Offset>& ends,
                  std::vector<std::string>& wrong);

}  // namespace millrace::testing
