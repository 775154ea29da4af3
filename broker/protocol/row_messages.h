// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What is wrong with rows of an answer, in words.
#pragma once

#include "schemas/common_generated.h"
#include "schemas/wire/errors.h"

#include <flatbuffers/flatbuffers.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::broker {

// Sentences in one answer: more would only repeat themselves, and an answer must fit its table.
inline constexpr std::size_t kRowMessagesMax = 64;

using RowMessages = flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<wire::RowMessage>>>;

// Null when no row has an error. `code_of(index)` and `text_of(index, code)` are asked in order.
template <class CodeOf, class TextOf>
[[nodiscard]] RowMessages write_row_messages(flatbuffers::FlatBufferBuilder& builder,
                                             std::size_t rows,
                                             CodeOf&& code_of,
                                             TextOf&& text_of) {
    std::vector<flatbuffers::Offset<wire::RowMessage>> texts;
    for (std::uint32_t index = 0; index < rows && texts.size() < kRowMessagesMax; ++index) {
        const wire::ErrorCode code = code_of(index);
        if (code == wire::ErrorCode::none) continue;
        texts.push_back(wire::CreateRowMessageDirect(builder, index, text_of(index, code).c_str()));
    }
    if (texts.empty()) return {};
    return builder.CreateVector(texts);
}

}  // namespace millrace::broker
