// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "millrace/error.h"

#include "schemas/wire/errors.h"

namespace millrace {

namespace {

struct OwnRow {
    ErrorCode code;
    std::string_view name;
    bool retryable;
    std::string_view sentence;
};

constexpr OwnRow kOwnRows[] = {
        {ErrorCode::unreachable, "unreachable", true, "No address of the broker can be reached."},
        {ErrorCode::disconnected,
         "disconnected",
         true,
         "The connection ended before the answer came."},
        {ErrorCode::protocol_violation,
         "protocol_violation",
         false,
         "The peer does not speak this protocol as it should."},
        {ErrorCode::invalid_address,
         "invalid_address",
         false,
         "An address is HOST:PORT or unix:PATH."},
        {ErrorCode::invalid_argument,
         "invalid_argument",
         false,
         "An option or argument is not possible."},
        {ErrorCode::buffer_full, "buffer_full", true, "The producer's memory is full."},
        {ErrorCode::closed, "closed", false, "The object was closed."},
        {ErrorCode::not_assigned,
         "not_assigned",
         false,
         "The partition is not one this consumer reads."},
};

constexpr std::uint16_t kOwnCodesBegin = 1000;

const OwnRow* own_row(ErrorCode code) noexcept {
    for (const auto& row : kOwnRows) {
        if (row.code == code) return &row;
    }
    return nullptr;
}

const wire::ErrorRow& wire_row(ErrorCode code) noexcept {
    return wire::row_of(static_cast<wire::ErrorCode>(code));
}

static_assert(static_cast<std::uint16_t>(ErrorCode::unreachable) == kOwnCodesBegin);

}  // namespace

std::string_view name_of(ErrorCode code) noexcept {
    const auto* own = own_row(code);
    return own != nullptr ? own->name : wire_row(code).name;
}

std::string_view sentence_of(ErrorCode code) noexcept {
    const auto* own = own_row(code);
    return own != nullptr ? own->sentence : wire_row(code).sentence;
}

bool is_retryable(ErrorCode code) noexcept {
    const auto* own = own_row(code);
    return own != nullptr ? own->retryable : wire_row(code).retryable;
}

}  // namespace millrace
