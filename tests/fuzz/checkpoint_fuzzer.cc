// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A slot of the checkpoint: what is read can be written again and says the same.
#include "engine/assert.h"
#include "engine/base/byte_order.h"
#include "engine/base/crc32c.h"
#include "engine/format/checkpoint_codec.h"
#include "tests/fuzz/fuzzer.h"

namespace millrace::fuzz {

namespace {

using engine::Bytes;

// docs/log_format.md, "Checkpoint".
constexpr std::size_t kCrcAt = 8;
constexpr std::size_t kBehindCrc = 12;
constexpr std::size_t kLengthAt = 16;
constexpr std::size_t kHeaderBytes = 24;

void run(Bytes input) {
    const AlignedCopy copy(input);
    const auto checkpoint = engine::decode_checkpoint(copy.bytes());
    if (!checkpoint) return;
    Input written;
    engine::encode_checkpoint(*checkpoint, written);
    const auto again = engine::decode_checkpoint(written);
    ASSERT(again.has_value());
    ASSERT(*again == *checkpoint);
}

void seal(Input& input) {
    if (input.size() < kHeaderBytes) return;
    const auto given = engine::load_little<std::uint64_t>(input.data() + kLengthAt);
    // Behind the length there is padding.
    const auto length = given >= kHeaderBytes && given <= input.size() ? given : input.size();
    engine::store_little(input.data() + kLengthAt, std::uint64_t{length});
    const auto bytes = Bytes(input).first(length);
    engine::store_little(
            input.data() + kCrcAt,
            engine::crc32c(bytes.subspan(kBehindCrc), engine::crc32c(bytes.first(kCrcAt))));
}

engine::PartitionRow full_row() {
    engine::PartitionRow row;
    row.key.topic.bytes = {1};
    row.flushed_offset = engine::Offset(100);
    row.segments = {{.base = engine::Offset(0), .bytes = 4096, .sealed = true},
                    {.base = engine::Offset(60), .bytes = 512}};
    row.epochs = {{.epoch = 0, .start = engine::Offset(0)},
                  {.epoch = 2, .start = engine::Offset(60)}};
    return row;
}

std::vector<Input> seeds() {
    engine::Checkpoint empty;
    empty.number = 1;
    empty.run_number = 1;
    empty.shards = 1;
    auto full = empty;
    empty.clean = true;
    full.leader_epoch_min = 3;
    full.guarded_clock = 1'700'000'000'000;
    full.wals = {{.directory = 0, .slot = 2, .file_number = 5, .block = 7, .sequence = 99},
                 {.directory = 1, .slot = 0, .file_number = 1, .run_number = 1, .run_bits = 12}};
    full.partitions = {full_row(), engine::PartitionRow()};
    std::vector<Input> all;
    for (const auto& checkpoint : {empty, full}) {
        Input input;
        engine::encode_checkpoint(checkpoint, input);
        // Without the padding, of which a search learns nothing.
        input.resize(engine::load_little<std::uint64_t>(input.data() + kLengthAt));
        all.push_back(std::move(input));
    }
    return all;
}

const Registration kRegistration(
        {{.name = "checkpoint", .run = run, .seeds = seeds, .seal = seal}});

}  // namespace

}  // namespace millrace::fuzz
