// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/metadata_record.h"

#include <cstring>
#include <type_traits>

namespace millrace::broker {
namespace {

constexpr std::uint16_t kSnapshotFlag = 1;

class Writer {
public:
    explicit Writer(std::vector<std::byte>& to) : to_(to) {}

    template <class Integer>
    void put(Integer value) {
        static_assert(std::is_integral_v<Integer>);
        const auto* bytes = reinterpret_cast<const std::byte*>(&value);
        to_.insert(to_.end(), bytes, bytes + sizeof value);
    }

    void put(const engine::TopicId& id) {
        const auto* bytes = reinterpret_cast<const std::byte*>(id.bytes.data());
        to_.insert(to_.end(), bytes, bytes + id.bytes.size());
    }

    // Names, keys and values are shorter than 64 KiB: the catalogue takes no longer ones.
    void put(std::string_view text) {
        put(static_cast<std::uint16_t>(text.size()));
        const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
        to_.insert(to_.end(), bytes, bytes + text.size());
    }

private:
    std::vector<std::byte>& to_;
};

class Reader {
public:
    explicit Reader(engine::Bytes from) : from_(from) {}

    template <class Integer>
    Integer take() {
        Integer value = 0;
        take_bytes(&value, sizeof value);
        return value;
    }

    engine::TopicId take_id() {
        engine::TopicId id;
        take_bytes(id.bytes.data(), id.bytes.size());
        return id;
    }

    std::string take_text() {
        const auto size = take<std::uint16_t>();
        if (size > from_.size()) {
            good_ = false;
            return {};
        }
        std::string text(reinterpret_cast<const char*>(from_.data()), size);
        from_ = from_.subspan(size);
        return text;
    }

    // Everything was there, and nothing is left.
    [[nodiscard]] bool whole() const { return good_ && from_.empty(); }

    [[nodiscard]] bool good() const { return good_; }

private:
    void take_bytes(void* to, std::size_t size) {
        if (size > from_.size()) {
            good_ = false;
            from_ = {};
            return;
        }
        std::memcpy(to, from_.data(), size);
        from_ = from_.subspan(size);
    }

    engine::Bytes from_;
    bool good_ = true;
};

void take_topic(Reader& reader, MetadataRecord& record) {
    record.id = reader.take_id();
    record.partitions = reader.take<std::uint32_t>();
    record.name = reader.take_text();
    const auto settings = reader.take<std::uint16_t>();
    for (unsigned index = 0; index < settings && reader.good(); ++index) {
        auto key = reader.take_text();
        record.overrides[std::move(key)] = reader.take_text();
    }
}

}  // namespace

void encode(const MetadataRecord& record, std::vector<std::byte>& to) {
    Writer writer(to);
    writer.put(kMetadataFormat);
    writer.put(static_cast<std::uint8_t>(record.kind));
    writer.put(record.in_snapshot ? kSnapshotFlag : std::uint16_t{0});
    writer.put(record.version);
    writer.put(record.snapshot_offset);
    switch (record.kind) {
        case MetadataKind::topic:
            writer.put(record.id);
            writer.put(record.partitions);
            writer.put(std::string_view(record.name));
            writer.put(static_cast<std::uint16_t>(record.overrides.size()));
            for (const auto& [key, value] : record.overrides) {
                writer.put(std::string_view(key));
                writer.put(std::string_view(value));
            }
            return;
        case MetadataKind::deleted:
            writer.put(record.id);
            writer.put(record.clean_starts);
            writer.put(std::string_view(record.name));
            return;
        case MetadataKind::forgotten:
            writer.put(record.id);
            return;
        case MetadataKind::producer_ids:
            writer.put(record.producer_ids_end);
            return;
        case MetadataKind::snapshot_begin:
        case MetadataKind::snapshot_end:
            return;
    }
}

engine::Result<MetadataRecord> decode_metadata_record(engine::Bytes bytes) {
    Reader reader(bytes);
    MetadataRecord record;
    const auto format = reader.take<std::uint8_t>();
    const auto kind = reader.take<std::uint8_t>();
    const auto flags = reader.take<std::uint16_t>();
    if (!reader.good()) return engine::failure(engine::Errc::damaged_range);
    if (format != kMetadataFormat || (flags & ~kSnapshotFlag) != 0) {
        return engine::failure(engine::Errc::newer_format);
    }
    record.kind = static_cast<MetadataKind>(kind);
    record.in_snapshot = (flags & kSnapshotFlag) != 0;
    record.version = reader.take<std::uint64_t>();
    record.snapshot_offset = reader.take<std::int64_t>();
    switch (record.kind) {
        case MetadataKind::topic:
            take_topic(reader, record);
            break;
        case MetadataKind::deleted:
            record.id = reader.take_id();
            record.clean_starts = reader.take<std::uint32_t>();
            record.name = reader.take_text();
            break;
        case MetadataKind::forgotten:
            record.id = reader.take_id();
            break;
        case MetadataKind::producer_ids:
            record.producer_ids_end = reader.take<std::int64_t>();
            if (record.producer_ids_end < 0) return engine::failure(engine::Errc::damaged_range);
            break;
        case MetadataKind::snapshot_begin:
        case MetadataKind::snapshot_end:
            break;
        default:
            return engine::failure(engine::Errc::newer_format);
    }
    if (!reader.whole()) return engine::failure(engine::Errc::damaged_range);
    return record;
}

}  // namespace millrace::broker
