// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What compaction may take from a log, and what not.
#include "engine/format/batch_reader.h"
#include "engine/units.h"
#include "tests/crash/crash_model.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <utility>

namespace millrace::testing {

using engine::BatchReader;
using engine::BatchView;
using engine::Offset;

namespace {

using Bytes = std::vector<std::byte>;

struct Content {
    Bytes key;
    std::optional<Bytes> value;
    engine::TimestampMs timestamp = -1;

    bool operator==(const Content&) const = default;
};

Bytes copy_of(engine::Bytes bytes) {
    return {bytes.begin(), bytes.end()};
}

// False: the batch cannot be opened.
bool add_records(const BatchView& batch, std::map<Offset, Content>& to) {
    BatchReader reader;
    if (!reader.open(batch, engine::kMiB)) return false;
    for (;;) {
        const auto item = reader.next();
        if (!item) return false;
        if (!*item) return true;
        const auto& record = (**item).record;
        Content content{.key = {}, .value = {}, .timestamp = (**item).timestamp};
        if (record.key) content.key = copy_of(*record.key);
        if (record.value) content.value = copy_of(*record.value);
        to.emplace((**item).offset, std::move(content));
    }
}

}  // namespace

void ModelLog::check_compacted(Offset from,
                               Offset to,
                               Offset visible,
                               engine::Bytes read,
                               std::vector<std::string>& wrong) const {
    std::map<Offset, Content> appended;
    std::map<Offset, Offset> ends;  // Of batches, by their first offsets.
    for (const auto& batch : batches_) {
        add_records(BatchView::trusted(batch->bytes.data()), appended);
        ends.emplace(batch->base, batch->end);
    }
    std::map<Bytes, Offset> last;
    for (const auto& [offset, content] : appended) {
        if (offset < visible) last[content.key] = offset;
    }
    std::map<Offset, Content> found;
    Offset expected(0);
    engine::LeaderEpoch epoch = -1;
    while (!read.empty()) {
        const auto batch = BatchView::parse(read);
        if (!batch || !batch->crc_is_right()) {
            return wrong.push_back(complain("what was read is no batch", expected));
        }
        const auto base = batch->base_offset();
        const auto model = ends.find(base);
        if (base < expected || model == ends.end() || model->second != batch->next_offset()) {
            return wrong.push_back(complain("a batch nobody appended there", base));
        }
        if (!add_records(*batch, found)) {
            return wrong.push_back(complain("a batch that cannot be opened", base));
        }
        if (batch->leader_epoch() < epoch) wrong.push_back(complain("the epoch falls", base));
        epoch = batch->leader_epoch();
        expected = batch->next_offset();
        read = read.subspan(batch->size());
    }
    for (const auto& [offset, content] : found) {
        const auto model = appended.find(offset);
        if (model == appended.end() || model->second != content) {
            return wrong.push_back(complain("a record nobody appended there", offset));
        }
    }
    for (const auto& [offset, content] : appended) {
        if (offset < from || offset >= to || found.contains(offset)) continue;
        if (last.at(content.key) == offset) {
            return wrong.push_back(complain("the last record of a key is gone", offset));
        }
    }
}

}  // namespace millrace::testing
