// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/protocol/request_checks.h"

#include "broker/protocol/batch_walk.h"
#include "broker/protocol/uuid.h"
#include "engine/atomic_append.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <vector>

namespace millrace::broker {
namespace {

using wire::ErrorCode;

constexpr std::uint32_t kQuadraticRows = 16;
constexpr std::size_t kStagedNameMax = 64;

std::unexpected<Refusal> malformed(std::string message) {
    return refuse(ErrorCode::malformed_request, std::move(message));
}

CheckResult no_payload(engine::Bytes payload) {
    if (!payload.empty()) return malformed("The request has a payload where none belongs.");
    return {};
}

// Apparent bytes of a request's strings: what reading all of them would touch.
class StringBudget {
public:
    [[nodiscard]] bool take(const flatbuffers::String* text) {
        if (text != nullptr) used_ += text->size();
        return used_ <= kApparentBytesMax;
    }

private:
    std::uint64_t used_ = 0;
};

CheckResult too_much_text() {
    return malformed("The request's names and values are too long.");
}

// Rows of structs: not too many, and where FlatBuffers does not look: aligned for reading.
template <class Row>
CheckResult check_rows(const flatbuffers::Vector<const Row*>* rows) {
    // Writers do not align what has no rows.
    if (rows == nullptr || rows->size() == 0) return {};
    if (rows->size() > kStructRowsMax) {
        return malformed(fmt::format("A request may have {} rows.", kStructRowsMax));
    }
    if (reinterpret_cast<std::uintptr_t>(rows->Data()) % alignof(Row) != 0) {
        return malformed("The request's rows are not aligned.");
    }
    return {};
}

template <class Row>
engine::PartitionKey key_of(const Row& row) {
    return {from_wire(row.topic()), row.partition()};
}

template <class Row>
CheckResult check_distinct(const flatbuffers::Vector<const Row*>* rows) {
    if (rows == nullptr || rows->size() < 2) return {};
    const auto twice = [](const engine::PartitionKey& key) {
        return malformed(fmt::format("Partition {} is named twice.", key.partition));
    };
    if (rows->size() <= kQuadraticRows) {
        for (std::uint32_t row = 1; row < rows->size(); ++row) {
            const auto key = key_of(*rows->Get(row));
            for (std::uint32_t other = 0; other < row; ++other) {
                if (key_of(*rows->Get(other)) == key) return twice(key);
            }
        }
        return {};
    }
    // Memory is kept: a steady producer or consumer of many partitions allocates nothing.
    thread_local std::vector<engine::PartitionKey> keys;
    keys.clear();
    for (const auto* row : *rows)
        keys.push_back(key_of(*row));
    std::sort(keys.begin(), keys.end());
    const auto same = std::adjacent_find(keys.begin(), keys.end());
    if (same != keys.end()) return twice(*same);
    return {};
}

template <class Row>
CheckResult check_partitions(const flatbuffers::Vector<const Row*>* rows) {
    if (auto checked = check_rows(rows); !checked) return checked;
    return check_distinct(rows);
}

// Tables with one name each, no name twice.
template <class Table, class NameOf>
CheckResult check_names(const flatbuffers::Vector<flatbuffers::Offset<Table>>* tables,
                        NameOf name_of) {
    if (tables == nullptr) return {};
    StringBudget budget;
    std::unordered_set<std::string_view> seen;
    for (const auto* table : *tables) {
        const auto* name = name_of(*table);
        if (!budget.take(name)) return too_much_text();
        if (name == nullptr) continue;
        if (!seen.insert(name->string_view()).second) {
            return malformed(fmt::format("'{}' is named twice.", name->string_view()));
        }
    }
    return {};
}

bool take_config(StringBudget& budget, const wire::NewTopic& topic) {
    if (topic.config() == nullptr) return true;
    return std::ranges::all_of(*topic.config(), [&budget](const auto* entry) {
        return budget.take(entry->key()) && budget.take(entry->value());
    });
}

template <class Request>
CheckResult check_expected(const Request& request) {
    const auto* expected = request.expected_offsets();
    if (expected == nullptr) return {};
    const auto rows = request.partitions() == nullptr ? 0 : request.partitions()->size();
    if (expected->size() != rows) {
        return malformed(fmt::format(
                "{} expected offsets do not belong to {} partitions.", expected->size(), rows));
    }
    // FlatBuffers' verifier does not look at it.
    if (rows > 0 && reinterpret_cast<std::uintptr_t>(expected->Data()) % alignof(std::int64_t)) {
        return malformed("The request's expected offsets are not aligned.");
    }
    for (const auto offset : *expected) {
        if (offset < -1) return malformed("An expected offset is below -1.");
    }
    return {};
}

// Each partition's bytes are whole batches, and together they are the payload.
template <class Request>
CheckResult check_batches(const Request& request, engine::Bytes payload) {
    engine::Bytes rest = payload;
    if (request.partitions() != nullptr) {
        for (const auto* row : *request.partitions()) {
            if (row->payload_bytes() > rest.size() ||
                !holds_whole_batches(rest.first(row->payload_bytes()))) {
                return malformed(
                        fmt::format("The bytes of partition {} are not whole record batches.",
                                    row->partition()));
            }
            rest = rest.subspan(row->payload_bytes());
        }
    }
    // Up to seven zero bytes fill the frame.
    const auto is_zero = [](std::byte byte) { return byte == std::byte{0}; };
    if (rest.size() >= 8 || !std::all_of(rest.begin(), rest.end(), is_zero)) {
        return malformed("The request's payload is longer than its partitions' parts.");
    }
    return {};
}

CheckResult check_kind(wire::ResourceKind kind) {
    if (kind == wire::ResourceKind::topic || kind == wire::ResourceKind::broker) return {};
    return malformed("The kind of a resource is neither topic nor broker.");
}

}  // namespace

CheckResult check(const wire::DescribeClusterRequest&, engine::Bytes payload) {
    return no_payload(payload);
}

CheckResult check(const wire::MetadataRequest& request, engine::Bytes payload) {
    if (auto checked = no_payload(payload); !checked) return checked;
    if (request.all() && request.topics() != nullptr && request.topics()->size() != 0) {
        return malformed("A request for all topics names some.");
    }
    return check_names(request.topics(),
                       [](const wire::TopicQuery& query) { return query.name(); });
}

CheckResult check(const wire::DescribeConfigsRequest& request, engine::Bytes payload) {
    if (auto checked = no_payload(payload); !checked) return checked;
    if (request.resources() == nullptr) return {};
    StringBudget budget;
    for (const auto* resource : *request.resources()) {
        if (auto checked = check_kind(resource->kind()); !checked) return checked;
        if (!budget.take(resource->name())) return too_much_text();
        if (resource->keys() == nullptr) continue;
        for (const auto* key : *resource->keys()) {
            if (!budget.take(key)) return too_much_text();
        }
    }
    return {};
}

CheckResult check(const wire::AlterConfigsRequest& request, engine::Bytes payload) {
    if (auto checked = no_payload(payload); !checked) return checked;
    if (request.resources() == nullptr) return {};
    StringBudget budget;
    std::unordered_set<std::string_view> keys;
    for (const auto* resource : *request.resources()) {
        if (auto checked = check_kind(resource->kind()); !checked) return checked;
        if (!budget.take(resource->name())) return too_much_text();
        if (resource->changes() == nullptr) continue;
        keys.clear();
        for (const auto* change : *resource->changes()) {
            if (change->kind() != wire::AlterKind::set && change->kind() != wire::AlterKind::remove)
                return malformed("A change of a setting is neither set nor remove.");
            if (!budget.take(change->key()) || !budget.take(change->value()))
                return too_much_text();
            if (!keys.insert(change->key()->string_view()).second) {
                return malformed(fmt::format("The setting '{}' is changed twice.",
                                             change->key()->string_view()));
            }
        }
    }
    return check_names(request.resources(),
                       [](const wire::AlteredResource& resource) { return resource.name(); });
}

CheckResult check(const wire::CreateTopicsRequest& request, engine::Bytes payload) {
    if (auto checked = no_payload(payload); !checked) return checked;
    if (request.topics() == nullptr) return {};
    StringBudget budget;
    for (const auto* topic : *request.topics()) {
        if (!take_config(budget, *topic)) return too_much_text();
    }
    return check_names(request.topics(), [](const wire::NewTopic& topic) { return topic.name(); });
}

CheckResult check(const wire::RestoreTopicRequest& request, engine::Bytes payload) {
    if (auto checked = no_payload(payload); !checked) return checked;
    StringBudget budget;
    if (!budget.take(request.topic()->name()) || !take_config(budget, *request.topic())) {
        return too_much_text();
    }
    // It must not lead anywhere else.
    const auto staged = request.staged()->string_view();
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    };
    if (staged.empty() || staged.size() > kStagedNameMax || !std::ranges::all_of(staged, allowed)) {
        return malformed("A staged folder's name has 1 to 64 of a-z, 0-9 and '-'.");
    }
    if (request.topic()->partitions() == 0) return malformed("The topic has no partitions.");
    return {};
}

CheckResult check(const wire::DeleteTopicsRequest& request, engine::Bytes payload) {
    if (auto checked = no_payload(payload); !checked) return checked;
    return check_names(request.topics(),
                       [](const wire::TopicSelection& topic) { return topic.name(); });
}

CheckResult check(const wire::CreatePartitionsRequest& request, engine::Bytes payload) {
    if (auto checked = no_payload(payload); !checked) return checked;
    return check_names(request.topics(),
                       [](const wire::PartitionGrowth& topic) { return topic.name(); });
}

CheckResult check(const wire::DeleteRecordsRequest& request, engine::Bytes payload) {
    if (auto checked = no_payload(payload); !checked) return checked;
    if (auto checked = check_partitions(request.partitions()); !checked) return checked;
    if (request.partitions() == nullptr) return {};
    for (const auto* row : *request.partitions()) {
        if (row->before() < -2) return malformed("An offset is below -2.");
    }
    return {};
}

CheckResult check(const wire::CompactRecordsRequest& request, engine::Bytes payload) {
    if (auto checked = no_payload(payload); !checked) return checked;
    return check_partitions(request.partitions());
}

CheckResult check(const wire::VerifyRecordsRequest& request, engine::Bytes payload) {
    if (auto checked = no_payload(payload); !checked) return checked;
    if (auto checked = check_partitions(request.partitions()); !checked) return checked;
    if (request.partitions() == nullptr) return {};
    for (const auto* row : *request.partitions()) {
        if (row->from() < 0) return malformed("An offset is below 0.");
    }
    return {};
}

CheckResult check(const wire::ProduceRequest& request, engine::Bytes payload) {
    if (request.acks() < -1 || request.acks() > 1) return refuse(ErrorCode::invalid_acks);
    if (request.durability() > wire::AckDurability::synced) {
        return malformed("The durability of a produce request is unknown.");
    }
    if (auto checked = check_partitions(request.partitions()); !checked) return checked;
    if (auto checked = check_expected(request); !checked) return checked;
    return check_batches(request, payload);
}

CheckResult check(const wire::AppendAtomicRequest& request, engine::Bytes payload) {
    if (auto checked = check_partitions(request.partitions()); !checked) return checked;
    const auto count = request.partitions() == nullptr ? 0 : request.partitions()->size();
    if (count == 0 || count > engine::kAtomicPartsMax) {
        return malformed(fmt::format("An atomic append has 1 to {} partitions, not {}.",
                                     engine::kAtomicPartsMax,
                                     count));
    }
    if (auto checked = check_expected(request); !checked) return checked;
    return check_batches(request, payload);
}

CheckResult check(const wire::FetchRequest& request, engine::Bytes payload) {
    if (auto checked = no_payload(payload); !checked) return checked;
    if (auto checked = check_partitions(request.partitions()); !checked) return checked;
    if (auto checked = check_partitions(request.forgotten()); !checked) return checked;
    if (request.partitions() == nullptr) return {};
    for (const auto* row : *request.partitions()) {
        if (row->offset() < 0) {
            return malformed(fmt::format("Offset {} is below 0.", row->offset()));
        }
        if (row->leader_epoch() < -1) return malformed("A leader epoch is below -1.");
    }
    return {};
}

CheckResult check(const wire::ListOffsetsRequest& request, engine::Bytes payload) {
    if (auto checked = no_payload(payload); !checked) return checked;
    if (auto checked = check_rows(request.partitions()); !checked) return checked;
    if (request.partitions() == nullptr) return {};
    for (const auto* row : *request.partitions()) {
        if (row->timestamp() < -3) return malformed("A timestamp is below -3.");
        if (row->leader_epoch() < -1) return malformed("A leader epoch is below -1.");
    }
    return {};
}

CheckResult check(const wire::OffsetForLeaderEpochRequest& request, engine::Bytes payload) {
    if (auto checked = no_payload(payload); !checked) return checked;
    if (auto checked = check_rows(request.partitions()); !checked) return checked;
    if (request.partitions() == nullptr) return {};
    for (const auto* row : *request.partitions()) {
        if (row->leader_epoch() < 0) return malformed("A leader epoch is below 0.");
    }
    return {};
}

CheckResult check(const wire::InitProducerRequest&, engine::Bytes payload) {
    return no_payload(payload);
}

}  // namespace millrace::broker
