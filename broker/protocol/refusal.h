// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "schemas/wire/errors.h"

#include <expected>
#include <string>

namespace millrace::broker {

// Why a request, or one item of it, is not carried out: a code for programs, a sentence for a
// person. An empty message stands for the code's own sentence.
struct Refusal {
    wire::ErrorCode code = wire::ErrorCode::none;
    std::string message;
};

template <class T>
using Checked = std::expected<T, Refusal>;

[[nodiscard]] inline std::unexpected<Refusal> refuse(wire::ErrorCode code,
                                                     std::string message = {}) {
    return std::unexpected(Refusal{code, std::move(message)});
}

}  // namespace millrace::broker
