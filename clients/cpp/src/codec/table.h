// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What every message has in common: the frame around a table on the way out, and on the way in
// the check of a table that may say anything.
#pragma once

#include "millrace/result.h"
#include "millrace/types.h"
#include "net/call.h"
#include "schemas/common_generated.h"

#include <flatbuffers/flatbuffers.h>

#include <cstdint>
#include <span>
#include <string>

namespace millrace::detail {

// Limits of the broker on what a request's table may hold (docs/wire_format.md), with room for
// the tables around the rows.
inline constexpr std::size_t kRequestTablesMax = 200;
inline constexpr std::size_t kRequestRowsMax = 16'000;

wire::Uuid to_wire(const Uuid& id);
Uuid from_wire(const wire::Uuid& id);

// A vector of structs; `row_of` gives the row of each element. FlatBuffers' own way to do this
// in place, CreateUninitializedVectorOfStructs, aligns to a row's size instead of its alignment
// (2.0.8).
template <class Row, class Elements, class RowOf>
[[nodiscard]] flatbuffers::Offset<flatbuffers::Vector<const Row*>> write_rows(
        flatbuffers::FlatBufferBuilder& builder, const Elements& elements, RowOf row_of) {
    return builder.CreateVectorOfStructs<Row>(
            elements.size(), [&](std::size_t index, Row* row) { *row = row_of(elements[index]); });
}

// Frame header and table. `payload_bytes` follow it.
EncodedRequest finish_request(flatbuffers::FlatBufferBuilder& builder,
                              wire::Api api,
                              std::uint32_t payload_bytes = 0,
                              bool one_way = false);

Error malformed_response(const char* what);

// Text of a response is copied out of its table, where many fields may point at the same bytes:
// in all not more than a few times the table.
class TextBudget {
public:
    explicit TextBudget(const Response& response) : left_(4 * response.table.size() + 4096) {}

    // Null reads as empty. Sets overdrawn() instead of copying too much.
    std::string take(const flatbuffers::String* text);

    [[nodiscard]] bool overdrawn() const noexcept { return overdrawn_; }

private:
    std::size_t left_;
    bool overdrawn_ = false;
};

// True when the table at the front of `table` can be read as T.
template <class T>
bool verify_table(engine::Bytes table) {
    constexpr flatbuffers::uoffset_t kDepthMax = 8;
    // A table takes at least its vtable offset and a vtable of 4 bytes; shared ones count again.
    const auto tables_max = static_cast<flatbuffers::uoffset_t>(table.size() / 8 + 16);
    if (table.size() < sizeof(flatbuffers::uoffset_t)) return false;
    flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(table.data()),
                                   table.size(),
                                   kDepthMax,
                                   tables_max);
    return verifier.VerifyBuffer<T>(nullptr);
}

// The response's table, with error 0. Errors: protocol_violation, and what the broker answers.
template <class T>
Result<const T*> open_response(const Response& response) {
    if (!verify_table<T>(response.table)) return malformed_response("a table that cannot be read");
    const auto* table =
            flatbuffers::GetRoot<T>(reinterpret_cast<const std::uint8_t*>(response.table.data()));
    if (table->error() != 0) {
        const auto code = static_cast<ErrorCode>(table->error());
        TextBudget budget(response);
        auto message = budget.take(table->message());
        if (message.empty()) message = sentence_of(code);
        return Error{code, std::move(message)};
    }
    return table;
}

// Every element of a vector that may be absent.
template <class Vector, class Visit>
void for_each(const Vector* vector, Visit visit) {
    if (vector == nullptr) return;
    for (flatbuffers::uoffset_t i = 0; i < vector->size(); ++i)
        visit(*vector->Get(i));
}

// Whether structs lie where they can be read in place: the verifier looks at vectors' lengths only,
// and not at what follows them.
template <class Row>
[[nodiscard]] bool rows_are_aligned(const flatbuffers::Vector<const Row*>* rows) {
    if (rows == nullptr || rows->size() == 0) return true;
    return reinterpret_cast<std::uintptr_t>(rows->Data()) % alignof(Row) == 0;
}

inline Error misaligned_rows() {
    return malformed_response("rows that are not aligned");
}

// The sentences that a response carries for some of its rows.
template <class Rows>
void attach_messages(const flatbuffers::Vector<flatbuffers::Offset<wire::RowMessage>>* messages,
                     TextBudget& budget,
                     Rows& rows) {
    for_each(messages, [&](const wire::RowMessage& message) {
        if (message.row() < rows.size()) {
            rows[message.row()].error.message = budget.take(message.message());
        }
    });
}

}  // namespace millrace::detail
